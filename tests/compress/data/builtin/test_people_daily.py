"""The rules on made-up lines in the format of the corpus, and invariants of the real file."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from pocketbert.compress.data.builtin.corpus import corpus_file, read_paragraphs
from pocketbert.compress.data.builtin.people_daily import (
    LABELS,
    MAX_CHARACTERS,
    join_persons,
    load,
    split_sentences,
    tagged,
)
from pocketbert.compress.data.load import load_data
from pocketbert.compress.data.settings import TaskTable


def persons(line: str) -> str:
    """Return the joined persons of a run of nr words, separated by blanks."""
    return " ".join(word for word, _ in join_persons([(word, "nr") for word in line.split()]))


@pytest.mark.parametrize(
    ("run", "joined"),
    [
        ("江 泽民", "江泽民"),
        ("乔 石", "乔石"),
        ("欧阳 修", "欧阳修"),
        ("欧阳 自远", "欧阳自远"),
        ("李 鹏 邹 家华", "李鹏 邹家华"),
        ("杨 尚昆 万 里 宋 平", "杨尚昆 万里 宋平"),
        ("陈 方 安生", "陈方安生"),
        ("潘 福东 振华", "潘福东 振华"),
        ("若愚 肖 荻", "若愚 肖荻"),
        ("张 书政 秉广 向军", "张书政 秉广 向军"),
        ("马克思 恩格斯", "马克思 恩格斯"),
        ("秦 惠（君音）", "秦惠（君音）"),
        ("王", "王"),
        ("岳 世华 尚 正海 阿平", "岳世华 尚正海 阿平"),
    ],
)
def test_surname_and_given_name_are_one_person(run: str, joined: str) -> None:
    assert persons(run) == joined


def test_other_words_end_a_run() -> None:
    words = [("李", "nr"), ("、", "w"), ("鹏", "nr"), ("河北", "ns"), ("张家口", "ns")]
    assert join_persons(words) == words


def test_tags_are_of_characters() -> None:
    text, tags = tagged([("新华社", "nt"), ("北京", "ns"), ("李鹏", "nr"), ("１月", "t")])
    assert text == "新华社北京李鹏１月"
    assert tags == ["B-ORG", "I-ORG", "I-ORG", "B-LOC", "I-LOC", "B-PER", "I-PER", "O", "O"]


def test_made_up_paper(tmp_path: Path) -> None:
    """Nineteen paragraphs that end in the same sentence, one of them twice, and a long one."""
    lines = [f"第{n}/m  ，/w  江/nr  泽民/nr  到/v  。/w  （/w  完/v  ）/w" for n in range(19)]
    lines.insert(0, "  ".join([*["长/a"] * (MAX_CHARACTERS - 1), "江/nr", "泽民/nr"]))
    file = tmp_path / "corpus.txt"
    file.write_text("\n".join([*lines, lines[3]]) + "\n", encoding="utf-8")
    data = load(file)
    rows = {split: ["".join(tokens) for tokens in columns["tokens"]] for split, columns in data.splits.items()}
    assert [len(rows[split]) for split in ("validation", "test")] == [2, 3]
    assert rows["test"].count("（完）") == 1
    assert "（完）" not in rows["train"] + rows["validation"]
    assert {"江泽民", "长" * (MAX_CHARACTERS - 1)} < set(rows["train"])
    assert data.remarks == [
        "1 of 21 paragraphs repeat another: left out before splitting",
        "sentences that repeat another (one in test counts before one in validation or train): "
        "left out 15 of train, 2 of validation, 1 of test",
        "1 sentences of more than 126 characters: cut at 1 places, 1 of them without a comma; every piece is kept",
        "sentences of one or two characters, mostly by-lines: kept",
    ]


Rows = dict[str, list[tuple[str, list[str]]]]


@pytest.fixture(scope="module")
def rows() -> Rows:
    """Return the real sentences of every split, each with its tags."""
    data = load_data(TaskTable(kind="tagging", dataset="builtin:people-daily"))
    assert data.labels == list(LABELS)
    return {
        split: [
            ("".join(tokens), [LABELS[at] for at in label])
            for tokens, label in zip(columns["tokens"], columns["label"], strict=True)
        ]
        for split, columns in data.splits.items()
    }


def test_no_sentence_is_in_two_splits(rows: Rows) -> None:
    assert {split: len(members) for split, members in rows.items()} == {
        "train": 37_448,
        "validation": 4_718,
        "test": 4_745,
    }
    assert max(Counter(text for members in rows.values() for text, _ in members).values()) == 1


def test_entities_are_well_formed_and_rows_fit(rows: Rows) -> None:
    found: Counter[str] = Counter()
    for text, tags in (row for members in rows.values() for row in members):
        assert 1 <= len(text) == len(tags) <= MAX_CHARACTERS
        found.update(tags)
        assert all(tag[0] != "I" or before[2:] == tag[2:] for before, tag in pairwise(["O", *tags])), text
    assert (found["B-PER"], found["B-LOC"], found["B-ORG"]) == (19_800, 27_801, 3_398)


def test_nothing_is_lost(rows: Rows) -> None:
    """All splits together hold every sentence of the whole corpus."""
    paragraphs, _ = read_paragraphs(corpus_file("builtin:people-daily"))
    whole, _ = split_sentences(paragraphs)
    assert sum(len(text) for text, _ in whole) == sum(len(word) for words in paragraphs for word, _ in words)
    assert {text for text, _ in whole} == {text for members in rows.values() for text, _ in members}
