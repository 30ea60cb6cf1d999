from pathlib import Path

import pytest

from pocketbert.bench.machine.cores import cpu_quota, governor, smt_siblings, usable_cores


@pytest.mark.parametrize(
    ("line", "files", "cores"),
    [
        ("0::/job/step", {"job/cpu.max": "150000 100000", "job/step/cpu.max": "max 100000"}, 1),
        ("0::/job", {"job/cpu.max": "max 100000"}, None),
        ("3:cpu,cpuacct:/job", {"cpu/job/cpu.cfs_quota_us": "100000", "cpu/job/cpu.cfs_period_us": "100000"}, 1),
        ("3:cpu,cpuacct:/job", {"cpu/job/cpu.cfs_quota_us": "-1"}, None),
    ],
)
def test_a_cgroups_quota_cuts_the_cores(tmp_path: Path, line: str, files: dict[str, str], cores: int | None) -> None:
    (tmp_path / "proc").write_text(line + "\n")
    for name, content in files.items():
        (tmp_path / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "groups" / name).write_text(content)
    everything = usable_cores(Path("/nowhere"), tmp_path)
    found = usable_cores(tmp_path / "proc", tmp_path / "groups")
    assert found == (everything if cores is None else everything[:cores])


def test_a_quota_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "proc").write_text("0::/job\n")
    (tmp_path / "groups/job").mkdir(parents=True)
    (tmp_path / "groups/job/cpu.max").write_text("150000 100000\n")
    assert cpu_quota(tmp_path / "proc", tmp_path / "groups") == 1.5
    assert cpu_quota(tmp_path / "nowhere", tmp_path / "groups") is None


def test_cores_that_share_a_physical_one_are_found(tmp_path: Path) -> None:
    for core, siblings in {0: "0,4", 1: "1,5", 4: "0,4", 5: "1,5"}.items():
        topology = tmp_path / f"cpu{core}/topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(siblings + "\n")
    assert smt_siblings([0, 1, 4], tmp_path) == [[0, 4]]
    assert smt_siblings([0, 1], tmp_path) == []
    (tmp_path / "cpu0/topology/thread_siblings_list").write_text("0-1\n")
    assert smt_siblings([0, 1], tmp_path) == [[0, 1]]


def test_a_governor_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    assert governor(0, tmp_path) is None
    (tmp_path / "cpu0/cpufreq").mkdir(parents=True)
    (tmp_path / "cpu0/cpufreq/scaling_governor").write_text("powersave\n")
    assert governor(0, tmp_path) == "powersave"
