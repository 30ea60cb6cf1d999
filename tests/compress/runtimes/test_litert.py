"""The rules of a LiteRT session, on an interpreter of ours: they hold without the extra."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from pocketbert.compress.base.errors import BadInput

MODULE = "pocketbert.compress.runtimes.litert"
OURS = ("input_ids", "attention_mask")
BATCH = {"input_ids": np.array([[3, 4, 5], [6, 7, 0]]), "attention_mask": np.array([[1, 1, 1], [1, 1, 0]])}


class Runner:
    """Of a text the length that it was padded to, how many tokens it has, and what its ids make together."""

    def __init__(self, shape: Sequence[int], inputs: Sequence[str], dtype: type, per_token: bool) -> None:
        self.shape, self.inputs, self.dtype, self.per_token = shape, inputs, dtype, per_token

    def get_input_details(self) -> dict[str, dict[str, Any]]:
        return {name: {"shape_signature": np.array(self.shape), "dtype": np.int32} for name in self.inputs}

    def get_output_details(self) -> dict[str, dict[str, Any]]:
        return {"hidden": {"dtype": np.int8}, "logits": {"dtype": self.dtype}}

    def __call__(self, **given: np.ndarray) -> Mapping[str, np.ndarray]:
        ids, mask = (given[name] for name in self.inputs[:2])
        assert (ids.dtype, ids.shape) == (np.int32, tuple(self.shape))
        ids = ids * mask
        each = np.stack([ids, ids * 2], axis=-1)
        of_text = np.array([[ids.shape[1], mask.sum(), ids.sum()]])
        return {"hidden": ids, "logits": (each if self.per_token else of_text).astype(np.float32)}


class Interpreter:
    """A file with a signature for each shape; `file` says what is in it."""

    file: dict[str, Any] = {}

    def __init__(self, model_path: str, num_threads: int) -> None:
        self.given = {"shapes": [(1, 4), (1, 8)], "inputs": OURS, "dtype": np.float32, "per_token": False} | self.file

    def get_signature_list(self) -> dict[str, Any]:
        return {f"tokens_{shape[1]}": {} for shape in self.given["shapes"]}

    def get_signature_runner(self, name: str) -> Runner:
        [shape] = [shape for shape in self.given["shapes"] if name == f"tokens_{shape[1]}"]
        return Runner(shape, self.given["inputs"], self.given["dtype"], self.given["per_token"])

    def get_input_details(self) -> list[dict[str, str]]:
        return [{"name": "serving_default_ids:0"}]


@pytest.fixture
def litert(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    package, module = ModuleType("ai_edge_litert"), ModuleType("ai_edge_litert.interpreter")
    module.Interpreter = Interpreter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ai_edge_litert", package)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", module)
    before = sys.modules.pop(MODULE, None)
    yield import_module(MODULE)
    sys.modules.pop(MODULE)
    if before:
        sys.modules[MODULE] = before


def opened(litert: Any, monkeypatch: pytest.MonkeyPatch, names: dict[str, str] | None = None, **file: Any) -> Any:
    monkeypatch.setattr(Interpreter, "file", file)
    return litert.open_session(Path("m.tflite"), 1, names)


def test_each_text_is_padded_from_its_own_end_to_the_next_length(litert: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    session = opened(litert, monkeypatch)
    assert session.logits(BATCH).tolist() == [[4, 3, 12], [4, 2, 13]]
    longer = {name: np.pad(values, ((0, 0), (0, 4))) for name, values in BATCH.items()}
    assert session.logits(longer).tolist() == [[4, 3, 12], [4, 2, 13]], "the padding of a batch changes nothing"
    longer["attention_mask"][0, 6] = longer["input_ids"][0, 6] = 1
    assert session.logits(longer).tolist() == [[8, 4, 13], [4, 2, 13]]


def test_a_tagger_answers_for_the_tokens_of_the_batch(litert: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    logits = opened(litert, monkeypatch, per_token=True).logits(BATCH)
    assert logits.tolist() == [[[3, 6], [4, 8], [5, 10]], [[6, 12], [7, 14], [0, 0]]]


def test_a_longer_text_is_refused(litert: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = {name: np.ones((1, 9), dtype=np.int64) for name in BATCH}
    with pytest.raises(BadInput, match=r"^m\.tflite: takes 8 tokens at most, got 9; lower max_length$"):
        opened(litert, monkeypatch).logits(batch)


def test_other_names_are_mapped_by_the_manifest(litert: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    names = dict(zip(("args_0", "args_1"), OURS, strict=True))
    session = opened(litert, monkeypatch, names, inputs=tuple(names))
    assert session.logits(BATCH).tolist() == [[4, 3, 12], [4, 2, 13]]


@pytest.mark.parametrize(
    ("file", "names", "said"),
    [
        (
            {"inputs": ("args_0", "args_1")},
            None,
            "signature 'tokens_4' takes args_0, args_1; expected: input_ids, attention_mask (and token_type_ids); "
            "`inputs` in the manifest maps its names to these",
        ),
        (
            {"inputs": ("args_0", "args_1")},
            {"args_0": "input_ids"},
            "signature 'tokens_4' takes args_0, args_1; expected: input_ids, attention_mask (and token_type_ids); "
            "`inputs` names args_0",
        ),
        (
            {"inputs": ("input_ids",)},
            None,
            "signature 'tokens_4' takes input_ids; expected: input_ids, attention_mask (and token_type_ids); "
            "`inputs` in the manifest maps its names to these",
        ),
        (
            {"shapes": [(1, -1)]},
            None,
            "signature 'tokens_-1' takes [(1, -1), (1, -1)]; expected: each (1, tokens), a fixed number of tokens",
        ),
        (
            {"shapes": [(2, 8)]},
            None,
            "signature 'tokens_8' takes [(2, 8), (2, 8)]; expected: each (1, tokens), a fixed number of tokens",
        ),
        ({"dtype": np.int8}, None, "signature 'tokens_4' returns int8; expected: logits in float32"),
        (
            {"shapes": []},
            None,
            "has no signature, only the inputs serving_default_ids:0; convert the model with a signature",
        ),
    ],
    ids=["other names", "too few names", "no mask", "any length", "two texts", "integers", "no signature"],
)
def test_a_file_of_another_kind_is_one_line(
    litert: Any, monkeypatch: pytest.MonkeyPatch, file: dict[str, Any], names: dict[str, str] | None, said: str
) -> None:
    with pytest.raises(BadInput) as refused:
        opened(litert, monkeypatch, names, **file)
    assert str(refused.value).removeprefix("m.tflite: ") == said
