from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.tasks import Task, open_task
from pocketbert.compress.tasks.inputs import longer_texts, predict
from pocketbert.compress.tasks.tagging import Tagging, windows
from pocketbert.compress.tasks.tokenizer import load_tokenizer

LABELS = ["O", "B-LOC", "B-PER", "I-LOC", "I-PER"]


@pytest.fixture
def task() -> Task:
    return open_task("tagging", LABELS, 16)


def wordpiece() -> Tokenizer:
    """Words of several pieces."""
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "new", "##york", "in", "##s"]
    made = Tokenizer(models.WordPiece({t: n for n, t in enumerate(tokens)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return made


def test_a_word_is_labelled_at_its_first_piece(task: Task) -> None:
    inputs = task.encode(wordpiece(), {"tokens": [["in", "newyork", "ins"], ["?", "in"]]})
    assert inputs.sequences == [[2, 6, 4, 5, 6, 7, 3], [2, 1, 6, 3]]
    assert inputs.scored == [[1, 2, 4], [1, 2]]
    assert inputs.ends.tolist() == [3, 5]
    assert inputs.answers([1, 0]).tolist() == [3, 4, 0, 1, 2]


@pytest.mark.parametrize("rows", [1, 7, 40])
def test_every_word_counts_once_however_long_the_row(tiny_model: Path, task: Task, rows: int) -> None:
    """The "model" answers with the id it reads, so what comes back must be the words in their order."""
    tokenizer = load_tokenizer(tiny_model / "tokenizer.json")
    draw = np.random.default_rng(rows)
    words = [[tokenizer.id_to_token(int(n)) for n in draw.integers(4, 20, draw.integers(1, 60))] for _ in range(rows)]
    inputs = task.encode(tokenizer, {"tokens": words})
    assert max(map(len, inputs.sequences)) <= 16
    assert len(inputs) > rows or rows == 1

    def echo(batch: dict[str, NDArray[np.int64]]) -> NDArray[np.float32]:
        return batch["input_ids"][:, :, None].astype(np.float32)

    found = predict(echo, inputs, size=3)
    assert [tokenizer.id_to_token(int(n)) for n in found[:, 0]] == [word for row in words for word in row]
    first = inputs.first(1)
    assert int(first.ends[-1]) == len(words[0])


def test_windows_overlap_and_leave_context_on_both_sides() -> None:
    found = list(windows([1] * 30, 12))
    assert [list(counted) for _, counted in found] == [list(range(11)), list(range(11, 20)), list(range(20, 30))]
    assert [read.start for read, _ in found] == [0, 9, 18]
    assert list(windows([], 12)) == [(range(0), range(0))]
    assert [list(counted) for _, counted in windows([12, 12, 1], 12)] == [[0], [1], [2]]


def logits_of(labels: list[int]) -> NDArray[np.float32]:
    return np.eye(len(LABELS), dtype=np.float32)[labels]


def test_a_word_longer_than_the_model_reads_is_cut_and_counted(task: Task) -> None:
    fits, longer = "in" + "s" * 13, "in" + "s" * 14  # beside [CLS] and [SEP]
    inputs = task.encode(wordpiece(), {"tokens": [["in"], ["in", longer, "new"], [fits]]})
    assert inputs.truncated == 1
    said = list(longer_texts({"test": inputs}, 16))
    assert said[0] == "in 1 test texts a single word does not fit into 16 tokens and was truncated"
    assert "read in overlapping windows" in said[1]


def test_scores_against_seqeval(task: Task) -> None:
    metrics = pytest.importorskip("seqeval.metrics")

    draw = np.random.default_rng(0)
    gold = [draw.integers(0, 5, n).tolist() for n in draw.integers(1, 12, 40)]
    said = [[label if draw.random() < 0.7 else int(draw.integers(0, 5)) for label in row] for row in gold]
    names = [[[LABELS[n] for n in row] for row in rows] for rows in (gold, said)]
    scores = task.scores(logits_of([n for row in said for n in row]), gold)
    assert scores == pytest.approx({name: getattr(metrics, f"{name}_score")(*names) for name in scores})


def test_each_type_has_its_entities_counted() -> None:
    tagging = Tagging(["O", "B-LOC", "B-PER", "I-LOC", "I-PER", "B-ORG"], 16)
    gold = [[2, 4, 0, 1], [1, 3, 0]]  # PER, LOC; LOC
    said = [2, 4, 0, 2, 1, 0, 5]  # PER, PER; a shorter LOC, ORG
    counts = tagging.by_type(np.eye(6, dtype=np.float32)[said], gold)
    assert counts == {"LOC": (0, 1, 2), "ORG": (0, 1, 0), "PER": (1, 2, 1)}


def test_an_entity_with_one_wrong_border_is_wrong(task: Task) -> None:
    gold = [[2, 4, 4, 0], [1, 0]]
    outcomes = task.outcomes(logits_of([2, 4, 0, 0, 1, 0]), gold)
    assert outcomes.tolist() == [[0, 1, 1], [1, 1, 1]]
    assert task.right(outcomes).tolist() == [False, True]
    assert task.scores(logits_of([2, 4, 0, 0, 1, 0]), gold)["f1"] == 0.5


def test_a_row_may_hold_any_number_of_entities(task: Task) -> None:
    labels = [1, 2] * 300
    logits = np.eye(len(LABELS), dtype=np.float32)[labels[:450] + [0] * 150]
    assert task.outcomes(logits, [labels]).tolist() == [[450, 450, 600]]
    assert task.scores(logits, [labels])["f1"] == pytest.approx(2 * 450 / 1050)


def test_a_byte_level_tokenizer_has_no_unknown_token(task: Task) -> None:
    made = Tokenizer(
        models.BPE({letter: number for number, letter in enumerate(["<s>", "</s>", "a", "b", "<pad>"])}, [])
    )
    made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)])
    assert task.encode(made, {"tokens": [["ab", "a"]]}).sequences == [[0, 2, 3, 2, 1]]


def test_labels_that_mark_no_entity_are_refused() -> None:
    with pytest.raises(BadInput, match="label 'noun' marks no entity; allowed: O and B-TYPE"):
        open_task("tagging", ["O", "noun"], 16)


def test_a_regular_expression_without_an_end_is_one_line(task: Task) -> None:
    tokenizer = wordpiece()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("(a+)+$"), "isolated")
    with pytest.raises(BadInput, match=r"tokenizer\.json cannot tokenize a text .*; simplify its regular expressions"):
        task.encode(tokenizer, {"tokens": [["new", "a" * 60 + "!"]]})


def test_a_request_is_the_beginning_of_its_row(tiny_model: Path, task: Task) -> None:
    """Whatever the windows: two tokenizers must be asked the same texts under the same numbers."""
    tokenizer = load_tokenizer(tiny_model / "tokenizer.json")
    inputs = task.encode(tokenizer, {"tokens": [["好"] * 40, ["差"], ["书"] * 20]})
    assert len(inputs) > 3
    assert [sequence[1] for sequence in inputs.one_per_row()] == [tokenizer.token_to_id(word) for word in "好差书"]
