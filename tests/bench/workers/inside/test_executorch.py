"""A .pte file in the child process: its threads are checked, its operators listed."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("executorch")
pytest.importorskip("torchao")

from pocketbert.bench.machine.cores import usable_cores
from pocketbert.bench.workers.child import Child, ChildFailed
from pocketbert.bench.workers.file import File

CORES = usable_cores()[:2]


@pytest.fixture(scope="module")
def pte(one_layer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from pocketbert.compress.exports.executorch import export

    path = tmp_path_factory.mktemp("model") / "m.pte"
    export(one_layer, path, "int8")
    return path


@pytest.mark.parametrize("cores", [CORES[:1], CORES])
def test_threads_are_executorchs_own(pte: Path, cores: list[int]) -> None:
    with Child(len(cores), cores) as child:
        child.open(File("executorch", pte))
        child.requests([[2, 5, 6, 3] * 8])
        child.run(0)
        child.verify()
        child.threads = 3  # what nobody set up
        with pytest.raises(ChildFailed, match=f"executorch runs on {len(cores)} threads, asked for 3"):
            child.verify()


def test_operators_of_xnnpack_and_of_executorch(pte: Path) -> None:
    with Child(1, CORES[:1]) as child:
        child.requests([[2, 5, 6, 3] * 8] * 5)
        found = {operator.name: operator for operator in child.profile(File("executorch", pte)) or []}
    assert found["embedding_byte.out"].nodes == 2
    assert found["native_layer_norm.out"].nodes == 3
    linears = [operator for name, operator in found.items() if name.startswith("Fully Connected")]
    assert sum(operator.nodes for operator in linears) == 6 + 2
    assert all(operator.ms >= 0 for operator in found.values())
    assert sum(operator.ms for operator in found.values()) > 0
