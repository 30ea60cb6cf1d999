"""A .tflite file in the child process: its threads are checked, its tensors and operators listed."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ai_edge_litert")
pytest.importorskip("litert_torch")
pytest.importorskip("litert_quantizer")

from pocketbert.bench.machine.cores import usable_cores
from pocketbert.bench.workers import inside
from pocketbert.bench.workers.child import Child, ChildFailed
from pocketbert.bench.workers.file import File

CORES = usable_cores()[:2]


@pytest.fixture(scope="module")
def tflite(one_layer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from pocketbert.compress.exports.litert import export

    path = tmp_path_factory.mktemp("model") / "m.tflite"
    export(one_layer, path, "int8", lengths=(16, 32))
    return path


@pytest.mark.parametrize("cores", [CORES[:1], CORES])
def test_threads_are_counted(tflite: Path, cores: list[int]) -> None:
    with Child(len(cores), cores) as child:
        child.open(File("litert", tflite))
        child.requests([[2, 5, 6, 3] * 8])
        child.run(0)
        child.verify()
        child.threads = 3  # what nobody set up
        with pytest.raises(ChildFailed, match=f"litert runs on {len(cores)} threads, asked for 3"):
            child.verify()


def test_tensors_are_those_of_the_model_each_once(tflite: Path) -> None:
    found = inside.tensors("litert", tflite) or []
    parts = {name: [tensor for tensor in found if name in tensor.name] for name in ("word_embeddings", "query")}
    assert [(t.dtype, t.shape, t.bytes) for t in parts["word_embeddings"] if len(t.shape) == 2] == [
        ("int8", (50, 32), 1600)
    ]
    assert [(t.dtype, t.shape, t.bytes) for t in parts["query"] if len(t.shape) == 2] == [("int8", (32, 32), 1024)]
    assert sum(tensor.bytes for tensor in found) < tflite.stat().st_size


def test_operators_have_a_number_and_no_time(tflite: Path) -> None:
    with Child(1, CORES[:1]) as child:
        child.requests([[2, 5, 6, 3] * 8] * 5)
        found = {operator.name: operator for operator in child.profile(File("litert", tflite)) or []}
    assert found["FULLY_CONNECTED"].nodes == 6 + 2
    assert all(operator.ms is None for operator in found.values())
