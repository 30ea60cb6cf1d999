"""Every common way to write tags marks the same entities; labels of no scheme are refused in one line."""

import random

import numpy as np
import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.tasks.schemes import as_bioes, describe_scheme
from pocketbert.compress.tasks.schemes import spans as entities
from pocketbert.compress.tasks.tagging import Tagging


def spans(tags: list[str]) -> set[tuple[str, int, int]]:
    labels = sorted(set(tags))
    return Tagging(labels, 16).entities([labels.index(tag) for tag in tags])


@pytest.mark.parametrize(
    "tags",
    [
        "B-PER I-PER O B-LOC I-LOC I-LOC B-LOC",
        "I-PER I-PER O I-LOC I-LOC I-LOC B-LOC",  # IOB1: B- separates
        "B-PER E-PER O B-LOC I-LOC E-LOC S-LOC",
        "B-PER E-PER O B-LOC M-LOC E-LOC S-LOC",
        "B-PER L-PER O B-LOC I-LOC L-LOC U-LOC",
        "B-PER E-PER O B-LOC M-LOC E-LOC W-LOC",
        "B_PER I_PER O B_LOC I_LOC I_LOC B_LOC",
        "PER-B PER-E O LOC-B LOC-M LOC-E LOC-S",
        "PER_B PER_I O LOC_B LOC_I LOC_I LOC_B",
    ],
)
def test_the_same_entities_in_every_scheme(tags: str) -> None:
    assert spans(tags.split()) == {("PER", 0, 1), ("LOC", 3, 5), ("LOC", 6, 6)}


def test_words_are_entities_of_one_type() -> None:
    assert spans(list("BESBMME")) == {("WORD", 0, 1), ("WORD", 2, 2), ("WORD", 3, 6)}
    assert spans(list("BMBMSOM")) == {("WORD", 0, 1), ("WORD", 2, 3), ("WORD", 4, 4), ("WORD", 6, 6)}


def test_a_type_may_hold_hyphens_and_letters_of_parts() -> None:
    assert as_bioes(["B-per-name", "I-per-name", "B-E", "O"]) == ["B-per-name", "I-per-name", "B-E", "O"]
    assert as_bioes(["per-name-B", "per-name-M"]) == ["B-per-name", "I-per-name"]


def test_a_segmenter_is_scored_by_words() -> None:
    task = Tagging(["B", "E", "M", "S"], 16)
    gold = [[0, 1, 3]]
    assert task.scores(np.eye(4, dtype=np.float32)[[0, 1, 3]], gold)["f1"] == 1.0
    assert task.scores(np.eye(4, dtype=np.float32)[[0, 2, 1]], gold)["f1"] == 0.0


def test_what_is_read_otherwise_is_described() -> None:
    for usual in (["O", "B-PER", "I-PER"], ["O", "B-PER", "I-PER", "E-PER", "S-PER"], ["O"]):
        assert describe_scheme(usual) is None
    said = describe_scheme(["B", "E", "M", "S"])
    assert said is not None
    assert "the scheme BMES, written PART;" in said
    assert "B as B-WORD, E as E-WORD, M as I-WORD, S as S-WORD;" in said
    assert "the model keeps the labels of the data" in said
    assert "written TYPE_PART" in str(describe_scheme(["O", "PER_B", "PER_I"]))


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["O", "noun"], "label 'noun' marks no entity; allowed: O and B-TYPE"),
        (["0", "B-PER"], "label '0' marks no entity, did you mean 'O'?"),
        (["O", "B-PER", "S"], "label 'S' marks no entity"),
        (["O", "B-PER", "I-PER", "M-PER"], "the labels mix the parts B, I, M of several schemes"),
        (["O", "B-"], "label 'B-' marks no entity"),
    ],
)
def test_labels_of_no_scheme(labels: list[str], said: str) -> None:
    with pytest.raises(BadInput) as raised:
        as_bioes(labels)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_same_entities_as_seqeval_of_any_marks() -> None:
    library = pytest.importorskip("seqeval.metrics.sequence_labeling")
    every = ["O", *(f"{part}-{kind}" for part in "BIES" for kind in ("X", "Y-Z"))]
    draw = random.Random(0)  # noqa: S311
    for length in range(1000):
        marks = draw.choices(every, k=length % 9)
        assert list(entities(marks)) == library.get_entities(marks), marks
