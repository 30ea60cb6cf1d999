"""Pairs of made-up clauses; on the real file, no clause is in two rows and none gives its label away."""

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pocketbert.compress.data.builtin.adjacent_clauses import ROWS, adjacent_pairs, clauses_of, load, make_rows, twos_of
from pocketbert.compress.data.builtin.corpus import corpus_file, read_paragraphs, split_paragraphs
from pocketbert.compress.data.load import Data, load_data
from pocketbert.compress.data.settings import TaskTable


def test_pairs_are_neighbours_that_can_be_used() -> None:
    assert adjacent_pairs("abcdefg", set("abdefg")) == [("a", "b"), ("d", "e"), ("f", "g")]
    assert adjacent_pairs("a", {"a"}) == []


def test_neighbouring_twos_have_different_paragraphs() -> None:
    paragraphs = [[(f"{n}", f"{at}") for at in range(size)] for n, size in enumerate((2, 5, 1, 9, 4))]
    twos = twos_of(paragraphs)
    of = [first[0] for first, _ in twos]
    assert of == ["0", "1", "3", "4", "1", "3", "4"]  # what paragraph 3 has beyond that would stand beside itself
    assert all(one != next_one for one, next_one in pairwise([*of, of[0]]))
    assert [first[1] < second[1] for first, second in twos] == [True, False, True, False, True, False, True]


def test_wrong_clauses_are_exchanged_and_a_limit_is_kept() -> None:
    paragraphs = [[f"{n}-{at}" for at in range(8)] for n in range(40)]
    every = {clause for clauses in paragraphs for clause in clauses}
    rows = make_rows(paragraphs, every, limit=10_000)
    assert Counter(clause for row in rows for clause in (row.text, row.text_pair)) == Counter(every)
    same = [row.text.split("-")[0] == row.text_pair.split("-")[0] for row in rows]
    assert same == [bool(row.label) for row in rows]
    assert len(make_rows(paragraphs, every, limit=80)) == 80


def test_made_up_paper(tmp_path: Path) -> None:
    """A clause that occurs twice, is too short or has a quotation mark is in no row."""
    lines = [
        f"这里是第{n}段的开头/n  ，/w  然后是第{n}段的中间/n  。/w  大家都说的话啊/n  。/w  短/a  ，/w  他说“第{n}次”/v"
        f"  ；/w  不久到第{n}段的后面/n  ，/w  终于是第{n}段的结尾/n"
        for n in range(60)
    ]
    file = tmp_path / "corpus.txt"
    file.write_text("\n".join(lines), encoding="utf-8")
    data = load(file)
    assert {split: len(columns["label"]) for split, columns in data.splits.items()} == {
        "train": 96,
        "validation": 12,
        "test": 12,
    }
    for *clauses, label in zip(*(data.splits["train"][key] for key in ("text", "text_pair", "label")), strict=True):
        first, second = (re.findall("第([0-9]+)段", clause) for clause in clauses)
        assert (first == second) is bool(label)
    assert data.remarks[1].startswith("of 302 different clauses 241 have 6 to 40 characters")


@pytest.fixture(scope="module")
def data() -> Data:
    return load_data(TaskTable(kind="matching", dataset="builtin:adjacent-clauses"))


def test_the_real_ones_are_balanced_unique_and_what_they_say(data: Data) -> None:
    assert data.labels == ["no", "yes"]
    paragraphs, _ = read_paragraphs(corpus_file("builtin:adjacent-clauses"))
    split_of = {
        (first, second): split
        for split, members in split_paragraphs([clauses_of(words) for words in paragraphs]).items()
        for clauses in members
        for first, second in pairwise(clauses)
    }
    times: Counter[str] = Counter()
    for split, columns in data.splits.items():
        assert len(columns["label"]) == ROWS[split] == 2 * sum(columns["label"])
        for text, text_pair, label in zip(columns["text"], columns["text_pair"], columns["label"], strict=True):
            assert split_of.get((text, text_pair)) == (split if label else None)
            times.update((text, text_pair))
    assert max(times.values()) == 1


@pytest.mark.parametrize("column", ["text", "text_pair"])
def test_one_clause_alone_says_nothing(data: Data, column: str) -> None:
    """Character n-grams of one clause under logistic regression: within three standard errors of a coin."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    train, test = data.splits["train"], data.splits["test"]
    grams = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), min_df=3)
    model = LogisticRegression().fit(grams.fit_transform(train[column][:6_000]), train["label"][:6_000])
    accuracy = model.score(grams.transform(test[column]), test["label"])
    assert abs(accuracy - 0.5) < 3 * np.sqrt(0.25 / len(test["label"]))
