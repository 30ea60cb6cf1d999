"""Texts are scored one at a time, spread over the cores; only a session that says so gets several together."""

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pocketbert.compress import runtimes
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.exports import onnx as onnx_export
from pocketbert.compress.exports import torch as torch_export
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.runtimes import RUNTIMES, open_session
from pocketbert.compress.runtimes.scoring import open_scorer
from pocketbert.compress.tasks.inputs import Batch, Inputs, predict
from tests.support.models import SEQUENCES, write_any_model

TEXTS = Inputs(SEQUENCES, 0)


class Scaled:
    """A session of which each logit depends on the whole batch, as with dynamic quantization."""

    def __init__(self, threads: int) -> None:
        self.threads, self.sizes, self.callers = threads, list[int](), set[int]()

    def logits(self, batch: Batch) -> NDArray[np.float32]:
        self.sizes.append(len(batch["input_ids"]))
        self.callers.add(threading.get_ident())
        sums = (batch["input_ids"] * batch["attention_mask"]).sum(axis=1, keepdims=True)
        return np.float32([1, 2]) * (sums / batch["input_ids"].max()).astype(np.float32)


@pytest.fixture
def scaled(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module of a runtime `scaled`; `opened` are its sessions."""
    module: Any = ModuleType(name := f"{runtimes.__name__}.scaled")
    module.opened = []
    module.open_session = lambda path, threads: module.opened.append(Scaled(threads)) or module.opened[-1]
    monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(RUNTIMES, "scaled", "json")
    yield module


def test_a_text_is_answered_whatever_the_others_are(scaled: Any) -> None:
    alone = predict(Scaled(1).logits, TEXTS, size=1)
    assert not np.array_equal(predict(Scaled(1).logits, TEXTS), alone), "the batch matters"
    assert np.array_equal(open_scorer("scaled", Path("m"), 2)(TEXTS), alone)
    [session] = scaled.opened
    assert (set(session.sizes), session.threads) == ({1}, 2)


def test_a_session_that_says_so_gets_several_texts_together(scaled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scaled, "batch", 6, raising=False)
    open_scorer("scaled", Path("m"), 2)(TEXTS)
    assert sorted(scaled.opened[0].sizes) == [4, 6, 6]


def test_a_thread_safe_session_is_shared_by_the_cores(scaled: Any) -> None:
    scaled.THREAD_SAFE = True
    done: list[int] = []
    many = Inputs(SEQUENCES * 8, 0)
    found = open_scorer("scaled", Path("m"), 3)(many, done.append)
    assert np.array_equal(found, np.tile(predict(Scaled(1).logits, TEXTS, size=1), (8, 1))), "in the order of the texts"
    [session] = scaled.opened
    assert session.threads == 1
    assert threading.get_ident() not in session.callers
    assert done == [1] * len(many)


@pytest.mark.parametrize("safe", [False, True])
def test_an_error_of_one_worker_ends_the_run(safe: bool, scaled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scaled.THREAD_SAFE = safe
    answered: list[int] = []
    refused = threading.Event()

    def refuse(session: Scaled, batch: Batch) -> NDArray[np.float32]:
        answered.append(tokens := batch["input_ids"].shape[1])
        if refused.is_set():  # on a busy machine the threads could try everything before the error is seen
            time.sleep(0.02)
        if tokens > 6:
            refused.set()
            raise BadInput("m: takes 6 tokens at most")
        return np.zeros((1, 2), dtype=np.float32)

    monkeypatch.setattr(Scaled, "logits", refuse)
    with pytest.raises(BadInput, match=r"^m: takes 6 tokens at most$"):
        open_scorer("scaled", Path("m"), 2)(Inputs(SEQUENCES * 50, 0))
    assert len(answered) < len(SEQUENCES) * 50 / 2, "the texts that were left are not tried"


def test_a_runtime_that_is_not_installed_is_named() -> None:
    with pytest.raises(BadInput, match="unknown runtime 'none'"):
        open_scorer("none", Path("m"), 1)


@pytest.mark.parametrize("format_", ["onnx", "torch"])
def test_int8_files_are_scored_one_text_at_a_time(format_: str, tmp_path: Path) -> None:
    model = load_classifier(write_any_model(tmp_path, "bert"))
    runtime, path = {"onnx": "onnxruntime", "torch": "torch"}[format_], tmp_path / f"m.{format_}"
    {"onnx": onnx_export, "torch": torch_export}[format_].export(model, path, "int8")
    session = open_session(runtime, path, 1)
    alone = predict(session.logits, TEXTS, size=1)
    assert not np.allclose(predict(session.logits, TEXTS), alone, rtol=0, atol=1e-4), "the batch matters"
    assert np.array_equal(open_scorer(runtime, path, 2)(TEXTS), alone)


def test_float_folders_may_be_batched(tmp_path: Path) -> None:
    """Texts of one length with the same padding: 1 and 16 together differ by the rounding of FP32 alone."""
    folder = write_any_model(tmp_path, "bert")
    session = open_session("torch", folder, 1)
    same = Inputs([[*sequence, *[5] * (20 - len(sequence))] for sequence in SEQUENCES], 0)
    alone = predict(session.logits, same, size=1)
    assert np.abs(open_scorer("torch", folder, 1)(same) - alone).max() < 1e-5
    assert np.abs(open_scorer("torch", folder, 1)(TEXTS) - predict(session.logits, TEXTS, size=1)).max() < 1e-5
