"""What a file keeps of its source's labels and entities."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from pocketbert.compress.exports import Tolerance
from pocketbert.compress.pipeline.shipping.agreement import (
    Kept,
    by_entity,
    by_label,
    describe,
    lost,
    of_scores,
    scores_lost,
    share,
)
from pocketbert.compress.tasks.inputs import Inputs

TAGS = ["O", "B-PER", "I-PER", "B-LOC"]
SOURCE = [0, 1, 2, 0, 0, 3, 0, 0, 1, 0]
ROW = Inputs([[2, *range(10, 20), 3]], 0, scored=[list(range(1, 11))])


def logits(labels: Sequence[int], width: int = 4) -> NDArray[np.float32]:
    return np.eye(width, dtype=np.float32)[list(labels)]


def described(labels: Sequence[str], file: Sequence[int], source: Sequence[int], inputs: Inputs) -> list[str]:
    width = len(labels)
    return list(describe(labels, logits(file, width), logits(source, width), inputs, Tolerance(None, 0.95)))


def test_labels_are_counted_one_by_one() -> None:
    kept = by_label(["neg", "pos", "never"], logits([0, 1, 1, 1, 0], 3), logits([0, 0, 1, 1, 1], 3))
    assert kept == {"neg": Kept(2, 2, 1), "pos": Kept(3, 3, 2)}
    assert share(kept) == 3 / 5


def test_a_tagger_that_keeps_no_entity_keeps_nearly_every_label() -> None:
    source, nothing = logits([0] * 28 + [1, 2]), logits([0] * 30)
    row = Inputs([list(range(30))], 0, scored=[list(range(30))])
    assert share(by_label(TAGS, nothing, source)) == 28 / 30
    assert share(by_entity(TAGS, nothing, source, row)) == 0.0


def test_an_entity_is_kept_if_type_first_and_last_word_are_the_sources() -> None:
    shorter = [0, 1, 0, 0, 0, 3, 0, 0, 1, 1]
    kept = by_entity(TAGS, logits(shorter), logits(SOURCE), ROW)
    assert kept == {"LOC": Kept(1, 1, 1), "PER": Kept(2, 3, 1)}
    assert share(kept) == 2 * 2 / (3 + 4)


def test_entities_do_not_cross_rows_but_windows_of_a_row() -> None:
    one, two = ([[1, 2, 3], [4, 5]], [[0, 1, 2], [0, 1]])
    answers, split = logits([0, 0, 1, 2, 0]), logits([0, 0, 1, 0, 0])
    windows = Inputs(one, 0, scored=two, rows=[0, 0])
    assert by_entity(TAGS, split, answers, windows) == {"PER": Kept(1, 1, 0)}
    assert by_entity(TAGS, split, logits([0, 0, 1, 1, 0]), Inputs(one, 0, scored=two)) == {"PER": Kept(2, 1, 1)}


def test_a_label_that_is_lost_altogether_is_named() -> None:
    source, file = [0] * 200 + [1] * 5, [0] * 205
    assert share(by_label(["neg", "pos"], logits(file, 2), logits(source, 2))) == 200 / 205
    assert (
        lost(by_label(["neg", "pos"], logits(file, 2), logits(source, 2))) == "none of the 5 predictions of pos is kept"
    )
    assert lost(by_label(["neg", "pos"], logits(file, 2), logits([*source[:-1], 0], 2))) is None, "too few"
    assert lost(by_label(["neg", "pos"], logits([*file[:-1], 1], 2), logits(source, 2))) is None, "one is kept"


def test_labels_without_names_count_every_word_but_those_of_the_commonest() -> None:
    names = [f"LABEL_{n}" for n in range(4)]
    kept = by_entity(names, logits([0] * 10), logits(SOURCE), ROW)
    assert kept == {"LABEL_1": Kept(2, 0, 0), "LABEL_2": Kept(1, 0, 0), "LABEL_3": Kept(1, 0, 0)}


def test_the_sentences_of_texts_and_of_taggers() -> None:
    texts = Inputs([[2, 3]] * 4, 0)
    assert described(["neg", "pos"], [0, 0, 0, 1], [0, 0, 1, 1], texts) == [
        "label agreement 75.0 % of 4 predictions, needed 95.0 % (--min-agreement): neg 2 of 2, pos 1 of 2",
    ]
    labels, entities = described(TAGS, [0] * 10, SOURCE, ROW)
    assert labels.startswith("label agreement 60.0 % of 10 predictions")
    assert entities == (
        "entity agreement 0.0 % (F1 against the checkpoint's), needed 95.0 % (--min-agreement): LOC 0 of 1, PER 0 of 2"
    )


def test_entities_that_the_file_adds_are_counted() -> None:
    *_, kept, added = described(TAGS, [3, *SOURCE[1:]], SOURCE, ROW)
    assert kept.endswith(": LOC 1 of 1, PER 2 of 2")
    assert added == "the file finds 1 entities that the checkpoint does not find"


def test_agreement_that_is_worth_nothing_is_called_so() -> None:
    texts = Inputs([[2, 3]] * 4, 0)
    assert described(["neg", "pos"], [1, 1, 1, 0], [1, 1, 1, 1], texts)[1:] == [
        "the checkpoint predicts pos everywhere: the agreement says nothing about its other labels"
    ]
    assert described(TAGS, [0] * 10, [0] * 10, ROW)[1:] == [
        "the checkpoint predicts O everywhere: the agreement says nothing about its other labels",
        "neither the checkpoint nor the file finds an entity here: no entity was compared",
    ]


def test_scores_are_compared_by_their_variance() -> None:
    source = np.array([[1.0], [2.0], [3.0], [6.0]], dtype=np.float32)
    off = source + np.array([[0.5], [-0.5], [0.5], [-0.5]], dtype=np.float32)
    assert of_scores(source, source) == 1.0
    assert of_scores(off, source) == pytest.approx(1 - 0.25 / 3.5)
    assert of_scores(-source, source) == 0.0
    assert scores_lost(off, source, 0.92) is None
    said = "its scores keep only 92.9 % of the source's variance (R²), needed 95.0 %"
    assert scores_lost(off, source, 0.95) == said
    [difference, agreement] = describe(["LABEL_0"], off, source, Inputs([[2, 3]] * 4, 0), Tolerance(None, 0.95))
    assert difference == "score difference: mean 0.5, largest 0.5, of scores from 1 to 6"
    assert agreement == "score agreement 92.9 % (R² against the checkpoint's scores), needed 95.0 % (--min-agreement)"


@pytest.mark.parametrize("scores", [[7.0] * 3, [7.0, 7.000001, 7.0], [0.0]])
def test_equal_scores_say_nothing(scores: list[float]) -> None:
    source = np.array(scores, dtype=np.float32)[:, None]
    assert of_scores(source + 1, source) is None
    *_, worth = describe(["LABEL_0"], source + 1, source, Inputs([[2, 3]] * 3, 0), Tolerance(None, 0.95))
    assert worth.startswith("the checkpoint gives every text the same score: the agreement says nothing")


def test_of_many_labels_those_that_lose_most_are_listed() -> None:
    names = [f"c{n}" for n in range(14)]
    [said] = described(names, [*range(13), 0], list(range(14)), Inputs([[2, 3]] * 14, 0))
    assert said.startswith("label agreement 92.9 % of 14 predictions")
    assert ": c0 1 of 1, " in said
    assert ", c8 1 of 1, c13 0 of 1, " in said
    assert said.endswith(", and 4 labels more")
