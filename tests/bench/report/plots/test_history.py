"""The trend over commits, drawn from the history of a recipe."""

from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest

from pocketbert.bench.records.history import Figures, Record, append, load, path_of
from pocketbert.bench.records.results import Results
from pocketbert.bench.report.page import write_report
from pocketbert.bench.report.plots import history
from pocketbert.bench.report.plots.style import style
from pocketbert.bench.stats.intervals import Interval
from tests.support.reports import fold_of


@pytest.fixture
def record(results: Results, tmp_path: Path) -> Record:
    append(tmp_path / "x.jsonl", results, "2026-01-01")
    return load(tmp_path / "x.jsonl")[0]


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
        figure = history.draw_runs(runs)
    assert figure
    latency, memory, size, _ = figure.axes
    assert latency.get_title(loc="left") == "P50, × the teacher's (mobile-1t, 128 tokens)"
    assert [text.get_text() for text in latency.texts][3:] == ["new baseline", "new baseline", "other machine"]
    lines = [
        [x for line in axes.get_lines() if line.get_marker() != "None" and (x := line.get_xdata().tolist())]
        for axes in (latency, memory, size)
    ]
    broken, whole = [[0, 1, 2, 3], [4]], [[0, 1, 2, 3, 4]]
    assert lines == [broken * 3, broken * 3, whole * 3]
    assert [label.get_text() for label in figure.axes[-1].get_xticklabels()] == [
        "eeeeeee", "ddddddd", "ccccccc", "bbbbbbb", "aaaaaaa",
    ]  # fmt: skip
    assert history.draw_runs(runs[:2]) is None  # one commit is no trend


def test_no_name_of_a_mark_lies_over_another(record: Record) -> None:
    runs = [
        record.model_copy(update={"commit": f"{run:08}", "baseline": str(run), "fingerprint": f"m{run % 3 // 2}"})
        for run in range(30)
    ]
    with style():
        figure = history.draw_runs(runs)
    assert figure
    marks = ("new baseline", "other machine")
    boxes = [t.get_window_extent() for t in figure.axes[0].texts if t.get_text() in marks]
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
        figure = history.draw_runs(runs)
    assert figure
    figure.draw_without_rendering()
    axes = figure.axes[0]
    names = [text.get_window_extent() for text in axes.texts if text.get_text() in ("new baseline", "other machine")]
    assert len(names) == 2
    assert min(name.y0 for name in names) > axes.transData.transform((0, 1.0))[1]


def test_two_runs_are_drawn_into_the_report(results: Results, hollow: Callable[..., Results], tmp_path: Path) -> None:
    history_file = path_of(tmp_path, results.recipe)
    now = hollow("accuracy", "latency", "memory", "size").model_copy(update={"steps": []})  # draws nothing else
    append(history_file, results, None)
    assert "history.svg" not in write_report(now, tmp_path / "offline.json").read_text(encoding="utf-8")
    append(history_file, results, "2026-01-01")
    page = write_report(now, tmp_path / "offline.json").read_text(encoding="utf-8")
    assert "](offline/history.svg)" in fold_of(page, "<b>History</b>")
    assert (tmp_path / "offline/history.svg").is_file()


def test_runs_without_a_commit_are_told_apart_by_their_day(record: Record) -> None:
    days = [f"2026-01-0{day}T00:00:00Z" for day in (1, 2, 3)]
    runs = [record.model_copy(update={"commit": None, "created": day}) for day in days]
    figure = history.draw_runs(runs)
    assert figure
    labels = [label.get_text() for label in figure.axes[-1].get_xticklabels()]
    assert labels == ["01-03", "01-02", "01-01"]
