"""Every whole run leaves a line, and the report draws the trend."""

import subprocess
from itertools import combinations
from pathlib import Path

import pytest

from pocketbert.bench.records.history import Figures, Record, append, checked_out, load, path_of
from pocketbert.bench.records.results import Results
from pocketbert.bench.report.plots import history_trend
from pocketbert.bench.report.plots.style import style
from pocketbert.bench.stats.intervals import Interval
from tests.support.manifests import PLAIN, Run, write_manifest

pytest_plugins = "pytester"


@pytest.fixture
def record(weighed: Results, tmp_path: Path) -> Record:
    append(tmp_path / "x.jsonl", weighed, "2026-01-01")
    return load(tmp_path / "x.jsonl")[0]


def test_a_line_holds_what_ships(weighed: Results, record: Record) -> None:
    assert set(record.artifacts) == {"small", "other"}
    small = weighed.artifact("small")
    figures = record.artifacts["small"]
    assert small.size
    assert small.memory
    assert small.accuracy
    assert (figures.bytes, figures.own_mib, figures.score) == (
        small.size.bytes,
        small.memory.own_mib,
        small.accuracy.value,
    )
    assert figures.latency["mobile-1t/128"] == next(m.ratio for m in small.latency if m.length == "128")
    assert record.fingerprint == weighed.machine.fingerprint
    assert record.baseline == "2026-01-01"


def test_lines_are_added_and_a_torn_one_is_passed_over(weighed: Results, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    append(path, weighed, None)
    with path.open("a") as file:
        file.write('{"schema": 1, "created": "20\n{"schema": 2}\n')
    append(path, weighed, None)
    assert len(load(path)) == 2
    with path.open("a") as file:
        file.write('{"schema": 1, "crea')  # the disk was full
    append(path, weighed, None)
    assert len(load(path)) == 3
    with path.open("ab") as file:
        file.write('{"schema": 1, "created": "学'.encode()[:-1])  # inside a character
    append(path, weighed, None)
    assert len(load(path)) == 4
    assert load(tmp_path / "nothing") == []


def test_the_commit_is_the_one_checked_out(weighed: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = [checked_out()]
    identity = ["-c", "user.name=n", "-c", "user.email=e"]
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", *identity, *command], check=True)  # noqa: S607
    found.append(checked_out())
    head = subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip()  # noqa: S607
    assert found == [None, head]
    append(tmp_path / "x", weighed.model_copy(update={"commit": head}), None)
    assert [line.commit for line in load(tmp_path / "x")] == [head]


def test_the_trend_marks_updates_and_breaks_where_nothing_can_be_compared(record: Record) -> None:
    runs = [
        record.model_copy(update={"commit": commit, "baseline": baseline, "fingerprint": machine})
        for commit, baseline, machine in (
            ("aaaaaaaa", None, "m1"),
            ("aaaaaaaa", None, "m1"),
            ("bbbbbbbb", "monday", "m1"),
            ("cccccccc", "monday", "m1"),
            ("dddddddd", "friday", "m1"),
            ("eeeeeeee", "friday", "m2"),
        )
    ]
    with style():
        figure = history_trend.draw(runs)
    assert figure
    latency, memory, size, _ = figure.axes
    assert latency.get_title(loc="left") == "P50, × the teacher's (mobile-1t, 128 tokens)"
    assert [text.get_text() for text in latency.texts][2:] == ["new baseline", "new baseline", "other machine"]
    lines = [
        [x for line in axes.get_lines() if line.get_marker() != "None" and (x := line.get_xdata().tolist())]
        for axes in (latency, memory, size)
    ]
    broken, whole = [[0, 1, 2, 3], [4]], [[0, 1, 2, 3, 4]]
    assert lines == [broken * 2, broken * 2, whole * 2]
    assert [label.get_text() for label in figure.axes[-1].get_xticklabels()] == [
        "eeeeeee", "ddddddd", "ccccccc", "bbbbbbb", "aaaaaaa",
    ]  # fmt: skip
    assert history_trend.draw(runs[:2]) is None  # one commit is no trend


def test_no_name_of_a_mark_lies_over_another(record: Record) -> None:
    runs = [
        record.model_copy(update={"commit": f"{run:08}", "baseline": str(run), "fingerprint": f"m{run % 3 // 2}"})
        for run in range(30)
    ]
    with style():
        figure = history_trend.draw(runs)
    assert figure
    boxes = [t.get_window_extent() for t in figure.axes[0].texts if t.get_text() in ("new baseline", "other machine")]
    assert len(boxes) > 4
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def test_the_names_of_marks_stand_above_what_is_drawn(record: Record) -> None:
    def at(ratio: float) -> dict[str, Figures]:
        latency = {"mobile-1t/128": Interval(estimate=ratio, low=ratio, high=ratio)}
        return {name: figures.model_copy(update={"latency": latency}) for name, figures in record.artifacts.items()}

    runs = [
        record.model_copy(update={"commit": commit, "baseline": commit, "fingerprint": commit, "artifacts": at(ratio)})
        for commit, ratio in (("aaaaaaaa", 0.5), ("bbbbbbbb", 1.0))
    ]
    with style():
        figure = history_trend.draw(runs)
    assert figure
    figure.draw_without_rendering()
    axes = figure.axes[0]
    names = [text.get_window_extent() for text in axes.texts if text.get_text() in ("new baseline", "other machine")]
    assert len(names) == 2
    assert min(name.y0 for name in names) > axes.transData.transform((0, 1.0))[1]


def test_two_runs_are_drawn_into_the_report(bench: Run, pytester: pytest.Pytester) -> None:
    manifest = write_manifest(pytester.path / "m", {"small": PLAIN})
    for expected in (1, 2):
        bench(manifest, "--gate-profiles=mobile-1t")
        assert len(load(path_of(pytester.path / "reports", "tiny"))) == expected
    assert "](tiny/history.svg)" in (pytester.path / "reports/tiny.md").read_text()
