"""Manifests of tiny artifacts that can be made slower, larger or less accurate, one at a time."""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import numpy.fft
import onnx
import psutil
import pytest
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

from tests.support import REPO
from tests.support.pages import blocks

HIDDEN = 64
GOOD, BAD, DULL = [f"好{i}" for i in range(10)], [f"坏{i}" for i in range(10)], [f"平{i}" for i in range(10)]
VOCABULARY = ["[PAD]", "[UNK]", *GOOD, *BAD, *DULL]
ROWS = 300
if not any(entry.value == "pocketbert.bench.gate.plugin" for entry in entry_points(group="pytest11")):
    PLUGIN = ("-p", "pocketbert.bench.gate.plugin")
else:
    PLUGIN = ()
Run = Callable[..., pytest.RunResult]


@dataclass(frozen=True)
class Build:
    """How an artifact differs from a plain one."""

    work: int = 8  # matrix products per token
    padding_bytes: int = 0
    buffer_mib: int = 0
    blind: float = 0.0  # share of the telling words it does not know


PLAIN = Build()
SHIPS = {"small": PLAIN, "other": Build(work=4)}


def write_onnx(path: Path, build: Build = PLAIN) -> None:
    """A graph that counts good words against bad ones; the matrix products work on the side and add nothing."""
    rng = np.random.default_rng(0)
    table = rng.normal(size=(len(VOCABULARY), HIDDEN)).astype(np.float32)
    table[:, :2] = 0
    for words, column in ((GOOD, 1), (BAD, 0)):
        for word in words[: round(len(words) * (1 - build.blind))]:
            table[VOCABULARY.index(word), column] = 1
    square = rng.normal(size=(HIDDEN, HIDDEN)).astype(np.float32) / HIDDEN
    weights = {"table": table, "square": square, "pick": np.eye(HIDDEN, 2, dtype=np.float32), "nil": np.float32(0)}
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["seen"])]
    at = "seen"
    for step in range(build.work):
        nodes.append(helper.make_node("MatMul", [at, "square"], [f"work{step}"]))
        at = f"work{step}"
    nodes += [
        helper.make_node("Mul", [at, "nil"], ["nothing"]),
        helper.make_node("Add", ["seen", "nothing"], ["kept"]),
        helper.make_node("ReduceMean", ["kept"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["mean", "pick"], ["score"]),
    ]
    if build.buffer_mib:
        weights["shape"] = np.array([build.buffer_mib * 2**18], dtype=np.int64)
        nodes += [
            helper.make_node("ConstantOfShape", ["shape"], ["buffer"]),
            helper.make_node("ReduceSum", ["buffer"], ["sum"], keepdims=0),
            helper.make_node("Add", ["score", "sum"], ["logits"]),
        ]
    else:
        nodes.append(helper.make_node("Identity", ["score"], ["logits"]))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["rows", "tokens"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", 2])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    model.doc_string = random.Random(0).randbytes(build.padding_bytes).hex()  # noqa: S311
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))


def write_rows(path: Path) -> None:
    """Rows of a telling word among dull ones, 3 to 12 words."""
    draw = random.Random(1)  # noqa: S311
    texts, labels = [], []
    for row in range(ROWS):
        words = [draw.choice(DULL) for _ in range(draw.randint(2, 11))]
        words.insert(draw.randrange(len(words)), draw.choice((BAD, GOOD)[row % 2]))
        texts.append(" ".join(words))
        labels.append(row % 2)
    write_columns(path, {"text": texts, "label": labels})


def write_columns(path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    """Test rows as a build writes them: JSON Lines."""
    rows = (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def read_columns(path: Path) -> dict[str, list[Any]]:
    """The columns of test rows that all have the same keys."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
    return {name: [row[name] for row in rows] for name in rows[0]}


def write_tokenizer(path: Path) -> None:
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.save(str(path))


def write_manifest(folder: Path, ships: dict[str, Build], reference: Path | None = None) -> Path:
    """A manifest of an ONNX reference (or the Hugging Face folder given) and what ships."""
    write_rows(folder / "data/test.jsonl")
    write_tokenizer(folder / "tokenizer.json")
    write_onnx(folder / "reference.onnx", Build(work=16))
    entries = [
        {
            "id": "reference",
            "role": "reference",
            "runtime": "torch" if reference else "onnxruntime",
            "path": reference.relative_to(folder).as_posix() if reference else "reference.onnx",
            "tokenizer": "tokenizer.json",
        }
    ]
    for name, build in ships.items():
        write_onnx(folder / f"{name}.onnx", build)
        entries.append(
            {
                "id": name,
                "role": "ship",
                "runtime": "onnxruntime",
                "path": f"{name}.onnx",
                "tokenizer": "tokenizer.json",
            }
        )
    manifest = {
        "schema": 1,
        "recipe": "tiny",
        "task": {"kind": "classification", "labels": ["neg", "pos"], "max_length": 16, "test": "data/test.jsonl"},
        "reference": "reference",
        "artifacts": entries,
    }
    path = folder / "manifest.json"
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return path


def write_odd(
    path: Path, segments: int = TensorProto.INT64, shape: tuple[int | str, int | str] = ("rows", "tokens")
) -> None:
    """Good words minus bad words, of tokens that are there: int32 ids, a float mask, and segments that add nothing."""
    table = np.zeros((len(VOCABULARY), 2), dtype=np.float32)
    for words, column in ((GOOD, 1), (BAD, 0)):
        table[[VOCABULARY.index(word) for word in words], column] = 1
    weights = {"table": table, "last": np.array([-1], dtype=np.int64)}
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["seen"]),
        helper.make_node("Unsqueeze", ["mask", "last"], ["wide"]),
        helper.make_node("Mul", ["seen", "wide"], ["masked"]),
        helper.make_node("ReduceMean", ["masked"], ["answer"], axes=[1], keepdims=0),
        helper.make_node("Cast", ["segments"], ["segment"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["segment"], ["most"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["answer", "most"], ["logits"]),
    ]
    types = {"ids": TensorProto.INT32, "segments": segments, "mask": TensorProto.FLOAT}
    graph = helper.make_graph(
        nodes,
        "odd",
        [helper.make_tensor_value_info(name, type_, shape) for name, type_ in types.items()],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [shape[0], 2])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))


def write_by_hand(folder: Path) -> Path:
    """The manifest that docs/manifest.md shows, with the files it names."""
    folder.mkdir(parents=True)
    [shown] = blocks(REPO / "docs/manifest.md", "json")
    (folder / "manifest.json").write_text(shown, encoding="utf-8")
    write_rows(folder / "test.jsonl")
    write_tokenizer(folder / "tokenizer.json")
    write_onnx(folder / "teacher.onnx", Build(work=16))
    write_odd(folder / "theirs.onnx")
    return folder / "manifest.json"


def is_worker(process: psutil.Process) -> bool:
    """Libraries start short-lived children of their own while they are imported."""
    try:
        return "pocketbert.bench.workers.worker" in " ".join(process.cmdline())
    except psutil.Error:
        return False
