"""The checks on a made-up machine, and once on this one."""

from pathlib import Path

import pytest

from pocketbert.bench import doctor
from pocketbert.bench.doctor import _machine, _noise_floor, _threads_in_force, noise_check, write_onnx_probe
from pocketbert.bench.machine.cores import usable_cores
from pocketbert.bench.machine.fingerprint import read_machine
from pocketbert.bench.records.results import Profile

PROFILE = Profile(name="mobile-1t", threads=1, cores=usable_cores()[:1], lengths=["128"])


def said(**changes: object) -> dict[str, tuple[str, str]]:
    machine = read_machine().model_copy(update=changes)
    return {check.name: (check.text, check.fix) for check in _machine(machine, [0, 1])}


def test_a_broken_quota_siblings_and_a_saving_governor_have_a_fix() -> None:
    found = said(quota=1.5, smt_siblings=[[0, 1]], governor="powersave")
    assert found["cores"] == (
        "2 usable (affinity 0, 1; cgroup quota 1.5)",
        "a quota of whole cores: with a fraction, the kernel stops the last core in every period",
    )
    assert found["siblings"][0].startswith("cores 0 and 1 share a physical core")
    assert found["clock"] == ("governor powersave", "sudo cpupower frequency-set --governor performance")


def test_a_steady_machine_has_nothing_to_fix() -> None:
    found = said(quota=None, smt_siblings=[], governor="performance")
    assert not any(fix for _, fix in found.values())
    assert "siblings" not in found


def test_where_nothing_can_be_pinned_latency_cannot_be_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "can_pin", lambda: False)
    text, fix = said()["cores"]
    assert "cannot pin a process to cores, so no latency profile can be timed" in text
    assert "Linux" in fix


def test_busy_neighbours_are_named() -> None:
    assert doctor._other_processes(0.01, 2).text == "take 1 % of the 2 cores"
    found = doctor._other_processes(0.5, 2)
    assert found.text.startswith("take 50 % of the 2 cores: ")
    assert found.fix


def test_threads_and_noise_are_measured_with_real_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PAIRS", 2)
    monkeypatch.setattr(doctor, "_PAIRS", 1)  # a sixth of the probe's products
    write_onnx_probe(tmp_path / "probe.onnx")
    steps: list[int] = []
    found = _threads_in_force("onnxruntime", tmp_path / "probe.onnx", [PROFILE], lambda: steps.append(1))
    assert found.text.startswith("threads in force: 1 as asked on 1 cores; an idle process with 1 threads uses ")
    assert float(found.text.rpartition(" uses ")[2].partition("%")[0]) < 10
    assert found.fix == ""
    found = _noise_floor(tmp_path / "probe.onnx", PROFILE, lambda: steps.append(1))
    assert found.text.startswith("noise floor ")
    assert "at the threshold of +3 % a slow-down of +" in found.text
    assert len(steps) == 3


def test_a_noisy_machine_is_told_which_limit_it_can_hold() -> None:
    quiet = noise_check("mobile-1t", 0.008, 0.7, 85, 0.0)
    assert "allows limits of +1 % or more within 60 s; at the threshold of +3 %" in quiet.text
    assert quiet.fix == ""
    noisy = noise_check("mobile-1t", 0.08, 0.7, 85, 0.4)
    assert "allows limits of +6 % or more within 60 s" in noisy.text
    assert noisy.text.endswith("40 % of the runs were preempted")
    assert noisy.fix.endswith("or a latency threshold of 0.06 in the baseline")
