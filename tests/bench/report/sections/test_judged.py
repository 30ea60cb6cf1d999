"""Verdicts, paired timings and prediction flips."""

import re
from pathlib import Path

import pytest

from pocketbert.bench.records.results import FlippedRow, Flips, Paired, Results
from pocketbert.bench.report.sections.judged import flipped, interval, noteworthy, paired, verdict_counts, verdicts
from pocketbert.bench.stats.intervals import Interval
from tests.support.reports import plain
from tests.support.results import FILE


def test_failing_verdicts_have_a_line_each(regressed: Results) -> None:
    lines = noteworthy(regressed, FILE)
    assert [line.partition(":**")[0] for line in lines[:3]] == [
        "**latency regressed",
        "**size missing",
        "**latency inconclusive",
    ]
    for expected in ("student-int8.onnx", "mobile-1t/128", "0.1210", "[0.1190, 0.1230]", "0.1040", "threshold +5%"):
        assert expected in lines[0]
    assert lines[3:] == ["**not possible here**, though in the baseline: latency mobile-4t/128"]


def test_many_inconclusive_verdicts_share_one_line(regressed: Results) -> None:
    [unclear] = [v for v in regressed.verdicts if v.outcome == "inconclusive"]
    many = [unclear.model_copy(update={"artifact": name, "profile": "cpu/mix"}) for name in ("a", "b", "c", "d")]
    [line] = noteworthy(regressed.model_copy(update={"verdicts": many}), FILE)
    assert line.startswith("**latency inconclusive:**")
    assert line.endswith("`a` cpu/mix; `b` cpu/mix; `c` cpu/mix; `d` cpu/mix")
    assert len(noteworthy(regressed.model_copy(update={"verdicts": many[:3]}), FILE)) == 3


def test_new_figures_name_the_command_that_accepts_them(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = [v.model_copy(update={"outcome": "no-baseline", "note": ""}) for v in results.verdicts]
    theirs = results.model_copy(update={"verdicts": new})
    monkeypatch.chdir(tmp_path)
    for file in (Path("build/reports/mine.json"), tmp_path / "build/reports/mine.json"):
        [line] = noteworthy(theirs, file)
        assert line == (
            "**no baseline** yet; accept these figures with `pocketbert baseline update build/reports/mine.json`"
        )
    some = results.model_copy(update={"verdicts": [new[0], *results.verdicts[1:]]})
    assert "yet for some quantities (listed below);" in noteworthy(some, FILE)[0]


def test_another_machine_is_no_new_figure_and_its_reason_is_given_once(results: Results) -> None:
    reason = "the baseline is from another machine (processor A, here B)"
    update = {"outcome": "no-baseline", "baseline": None, "note": reason, "why": "other-machine"}
    changed = [v if v.metric in ("size", "accuracy") else v.model_copy(update=update) for v in results.verdicts]
    elsewhere = results.model_copy(update={"verdicts": [*changed, changed[0]]})
    assert noteworthy(elsewhere, FILE) == []
    table = verdicts(elsewhere)
    assert table.count(reason) == 1
    assert table.endswith(f"\n\n- latency and memory of `student-int8.onnx`: {reason}")


def test_the_table_has_every_verdict_in_its_unit(regressed: Results) -> None:
    table = plain(verdicts(regressed))
    assert re.search(r"\*\*regressed\*\* +\| latency .* 0\.104× \| +0\.121× \| +0\.119 to 0\.123 \| +\+5\.0 %", table)
    assert re.search(r"improved +\| size .* 14\.6 MB \| +13\.9 MB", table)
    assert re.search(r"ok +\| accuracy .* 86\.0 % \| +85\.9 % \| +drop −0\.2 to 0\.4 \| +1\.0 points", table)


def test_verdicts_are_counted_by_outcome(results: Results) -> None:
    assert verdict_counts(results) == "3 ok, 1 improved"
    assert [interval(v) for v in results.verdicts] == ["0.102 to 0.106", "", "", "drop −0.2 to 0.4"]


def test_pairs_have_change_and_interval(results: Results) -> None:
    pair = Paired(
        artifact="student-int8.onnx",
        profile="mobile-1t",
        length="128",
        against="0" * 64,
        outcome="ok",
        change=Interval(estimate=0.031, low=0.012, high=0.05),
        change_p90=Interval(estimate=-0.02, low=-0.05, high=0.01),
        limit=0.05,
        logs=[0.03] * 6,
        logs_p90=[0.03] * 6,
        preempted=0.25,
        seconds=4.2,
    )
    why = {"student-fp32.onnx": "the baseline's file is not in the artifact store"}
    found = {"paired": [pair], "unpaired": why, "same_file": ["student-fp32.torch"]}
    table = plain(paired(results.model_copy(update=found)))
    assert re.search(r"ok +\| +▲ \+3\.1 % \(1\.2 to 5\.0\) \| +−2\.0 % \(−5\.0 to 1\.0\) \| +6 \| +25\.0 %", table)
    assert table.endswith(
        "- `student-fp32.onnx` was not timed beside it: the baseline's file is not in the artifact store\n"
        "- `student-fp32.torch` is the baseline's very file, with the same libraries"
    )
    assert paired(results) == ""


def test_flipped_rows_call_nobody_and_end_no_cell(results: Results) -> None:
    rows = [FlippedRow(row=7, text="很|好 @某人 `#1`", label="pos")]
    flips = Flips(artifact="student-int8.onnx", against="the baseline", lost=12, won=9, lost_rows=rows, won_rows=[])
    none = flips.model_copy(update={"lost": 0, "won": 0, "lost_rows": []})
    blocks = flipped(results.model_copy(update={"flips": [flips, none]}))
    assert blocks.startswith("`student-int8.onnx` against the baseline: 12 rows lost, 9 won; the first of each:\n\n|")
    assert re.search(r"\| lost +\| 7 +\| `pos` +\| `很¦好 @某人 '#1'`", blocks)
    assert blocks.count("the baseline") == 1
