import pytest

from pocketbert.bench.machine import fingerprint as machine
from pocketbert.bench.machine.fingerprint import read_machine


def test_two_generations_of_one_name_are_two_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    prints = set()
    for generation, flags in (("model 143", {"avx2"}), ("model 207", {"avx2"}), ("model 207", {"avx2", "avx512_vnni"})):
        monkeypatch.setattr(machine, "_processor", lambda found=("Xeon", generation, flags): found)
        read = read_machine()
        assert read.generation == generation
        prints.add(read.fingerprint)
    assert len(prints) == 3


def test_other_cores_are_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    prints = set()
    for cores, shared in (([0], []), ([0, 1], []), ([0, 1], [[0, 1]])):
        monkeypatch.setattr(machine, "usable_cores", lambda found=cores: found)
        monkeypatch.setattr(machine, "smt_siblings", lambda _, found=shared: found)
        prints.add(read_machine().fingerprint)
    assert len(prints) == 3
