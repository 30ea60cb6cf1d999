"""What follows what, on made-up clauses; on the real file, that no clause leaks and none gives its label away."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from compress.recipe import TaskTable
from compress.sources import Data, load_data
from compress.sources.adjacent_clauses import (
    ROWS,
    Row,
    adjacent_pairs,
    clauses_of,
    easy_rows,
    hard_rows,
    load,
    make_rows,
)
from compress.sources.corpus import corpus_file, read_paragraphs, split_paragraphs


def test_pairs_are_neighbours_that_can_be_used() -> None:
    assert adjacent_pairs("abcdefg", set("abdefg")) == [("a", "b"), ("d", "e"), ("f", "g")]
    assert adjacent_pairs("a", {"a"}) == []


@pytest.mark.parametrize("turned", [False, True])
def test_a_wrong_clause_of_the_same_paragraph_is_far_off(turned: bool) -> None:
    paragraph = "abcdefgh"
    rows = hard_rows(adjacent_pairs(paragraph, set(paragraph)), turned)
    for row in rows:
        distance = paragraph.index(row.text_pair) - paragraph.index(row.text)
        assert distance == 1 if row.label else distance in (5, -3)
    assert Counter(row.label for row in rows) == {1: 2, 0: 2}
    assert sorted("".join(row.text + row.text_pair for row in rows)) == sorted(paragraph)


def test_a_wrong_clause_of_another_paragraph() -> None:
    twos = [(("a", "b"), ("c", "d")), (("e", "f"), ("g", "h"))]
    assert easy_rows(twos) == [[Row("a", "b", 1), Row("c", "h", 0)], [Row("e", "f", 1), Row("g", "d", 0)]]


def test_half_of_the_wrong_ones_are_hard_and_a_limit_is_kept() -> None:
    paragraphs = [[f"{n}-{at}" for at in range(12)] for n in range(40)]
    rows = make_rows(paragraphs, {clause for clauses in paragraphs for clause in clauses}, limit=80)
    wrong = [row for row in rows if not row.label]
    same = [row.text.split("-")[0] == row.text_pair.split("-")[0] for row in wrong]
    assert (len(rows), len(wrong), sum(same)) == (80, 40, 20)


def test_made_up_paper(tmp_path: Path) -> None:
    """A clause that stands there twice, is too short or has a quotation mark is in no row."""
    lines = [
        f"这里是第{n}段的开头/n  ，/w  然后是第{n}段的结尾/n  。/w  大家都说的话啊/n  。/w  短/a  ，/w  他说“第{n}次”/v"
        for n in range(60)
    ]
    file = tmp_path / "corpus.txt"
    file.write_text("\n".join(lines), encoding="utf-8")
    data = load(file)
    assert {split: len(table) for split, table in data.splits.items()} == {"train": 48, "validation": 6, "test": 6}
    for row in data.splits["train"]:
        first, second = (
            row[key].removeprefix(start)[:-4] for key, start in (("text", "这里是第"), ("text_pair", "然后是第"))
        )
        assert (first == second) is bool(row["label"])
    assert data.remarks[1].startswith("of 182 different clauses 121 have 6 to 40 characters")


@pytest.fixture(scope="module")
def data() -> Data:
    return load_data(TaskTable(kind="matching", dataset="builtin:adjacent-clauses"))


def test_the_real_ones_are_balanced_unique_and_what_they_say(data: Data) -> None:
    assert data.splits["train"].features["label"].names == ["no", "yes"]
    paragraphs, _ = read_paragraphs(corpus_file("builtin:adjacent-clauses"))
    split_of = {
        (first, second): split
        for split, members in split_paragraphs([clauses_of(words) for words in paragraphs]).items()
        for clauses in members
        for first, second in pairwise(clauses)
    }
    times: Counter[str] = Counter()
    for split, table in data.splits.items():
        assert len(table) == ROWS[split] == 2 * sum(table["label"])
        for row in table:
            follows = split_of.get((row["text"], row["text_pair"]))
            assert follows == (split if row["label"] else None)
            times.update((row["text"], row["text_pair"]))
    assert max(times.values()) == 1


@pytest.mark.parametrize("column", ["text", "text_pair"])
def test_one_clause_alone_says_nothing(data: Data, column: str) -> None:
    """Character n-grams of one clause under logistic regression: within three standard errors of a coin."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    train, test = data.splits["train"].select(range(6_000)), data.splits["test"]
    grams = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), min_df=3)
    model = LogisticRegression().fit(grams.fit_transform(list(train[column])), list(train["label"]))
    accuracy = model.score(grams.transform(list(test[column])), list(test["label"]))
    assert abs(accuracy - 0.5) < 3 * np.sqrt(0.25 / len(test))
