"""A tiny manifest whose artifacts can be made slower, larger, fatter or dumber, one at a time."""

import json
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from onnx import TensorProto, helper, numpy_helper
from rich.console import Console
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

from bench import lock
from bench.baseline import cut_baseline
from bench.results import Results
from bench.session import Asked, Session
from compress.files import write_json

REPO = Path(__file__).parents[2]
HIDDEN = 64
GOOD, BAD, DULL = [f"好{i}" for i in range(10)], [f"坏{i}" for i in range(10)], [f"平{i}" for i in range(10)]
VOCABULARY = ["[PAD]", "[UNK]", *GOOD, *BAD, *DULL]
ROWS = 300

if not any(entry.value == "bench.plugin" for entry in entry_points(group="pytest11")):
    PLUGIN = ("-p", "bench.plugin")
else:
    PLUGIN = ()


@dataclass(frozen=True)
class Build:
    """How an artifact differs from a plain one."""

    work: int = 8  # matrix products per token
    padding_bytes: int = 0
    buffer_mib: int = 0
    blind: float = 0.0  # share of the telling words it does not know


PLAIN = Build()


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
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table({"text": texts, "label": labels}), path)


def write_tokenizer(path: Path) -> None:
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.save(str(path))


def write_manifest(folder: Path, ships: dict[str, Build], reference: Path | None = None) -> Path:
    """A manifest of an ONNX reference (or the Hugging Face folder given) and what ships."""
    write_rows(folder / "data/test.parquet")
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
        "task": {"kind": "classification", "labels": ["neg", "pos"], "max_length": 16, "test": "data/test.parquet"},
        "reference": "reference",
        "artifacts": entries,
    }
    path = folder / "manifest.json"
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return path


@pytest.fixture(scope="session", autouse=True)
def _own_lock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests, and what they share, neither wait for a gate run on this machine nor keep one waiting."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lock, "LOCK", tmp_path_factory.mktemp("lock") / "gate.lock")
        yield


Run = Callable[..., pytest.RunResult]


@pytest.fixture
def bench(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the real gate on a manifest: ``bench(manifest, *options)``; reports go to ``reports/``."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(REPO), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # the run inside is nobody's worker

    def run(manifest: Path, *options: str) -> pytest.RunResult:
        gate = str(REPO / "bench/test_gate.py")
        cache = ("-p", "no:cacheprovider")
        return pytester.runpytest_inprocess(*PLUGIN, *cache, gate, f"--gate-manifest={manifest}", *options)

    return run


SHIPS = {"small": PLAIN, "other": Build(work=4)}


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifact store that the plain manifest's files went into."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="session")
def weighed(tmp_path_factory: pytest.TempPathFactory, store: Path) -> Results:
    """The plain manifest, really weighed in the profile mobile-1t."""
    folder = tmp_path_factory.mktemp("plain")
    asked = Asked(
        manifest=write_manifest(folder, SHIPS),
        profiles=("mobile-1t",),
        baseline=None,
        strict=False,
        reports=folder / "reports",
        command="test",
        store=store,
    )
    session = Session(asked)
    session.run(Console(quiet=True))
    assert session.results is not None
    return session.results


@pytest.fixture
def baseline(weighed: Results, tmp_path: Path) -> Path:
    """The baseline file that the plain manifest makes."""
    path = tmp_path / "baseline.json"
    write_json(path, cut_baseline(weighed, None))
    return path
