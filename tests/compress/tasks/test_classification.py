import numpy as np
import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.tasks import open_task


def test_scores_against_scikit_learn() -> None:
    from sklearn.metrics import accuracy_score, f1_score

    rng = np.random.default_rng(0)
    logits, gold = rng.normal(size=(50, 3)).astype(np.float32), rng.integers(0, 3, 50).tolist()
    task = open_task("classification", ["a", "b", "c"], 16)
    scores = task.scores(logits, gold)
    assert scores["accuracy"] == pytest.approx(accuracy_score(gold, logits.argmax(1)))
    assert scores["macro_f1"] == pytest.approx(f1_score(gold, logits.argmax(1), average="macro"))
    assert task.outcomes(logits, gold).mean() == pytest.approx(scores["accuracy"])


def test_a_label_that_does_not_occur_has_no_f1() -> None:
    from sklearn.metrics import f1_score

    logits, gold = np.eye(4, dtype=np.float32)[[0, 1, 1, 2, 2]], [0, 1, 2, 2, 0]
    task = open_task("classification", ["a", "b", "c", "unused"], 16)
    found = task.scores(logits, gold)["macro_f1"]
    assert found == pytest.approx(f1_score(gold, logits.argmax(1), average="macro"))


def test_unknown_task() -> None:
    with pytest.raises(BadInput, match="expected one of: classification"):
        open_task("translation", [], 16)
