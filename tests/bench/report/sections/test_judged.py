"""Verdicts, paired timings and prediction flips."""

import re
from pathlib import Path

import pytest

from pocketbert.bench.records.results import FlippedRow, Flips, Paired, Results
from pocketbert.bench.report.checks import checks
from pocketbert.bench.report.sections.judged import every_check, flipped, noteworthy, paired
from pocketbert.bench.stats.intervals import Interval
from tests.support.reports import plain
from tests.support.results import FILE


def lines(results: Results) -> list[str]:
    return noteworthy(results, checks(results), FILE)


def test_what_the_table_does_not_say_has_a_line_each(regressed: Results) -> None:
    found = lines(regressed)
    assert [line.partition(":**")[0] for line in found[:2]] == ["**size missing", "**latency inconclusive"]
    assert found[2:] == ["**not possible here**, though in the baseline: latency mobile-4t/128"]


def test_many_inconclusive_checks_have_no_line_but_their_rows(regressed: Results) -> None:
    [unclear] = [v for v in regressed.verdicts if v.outcome == "inconclusive"]
    many = [unclear.model_copy(update={"artifact": name, "profile": "cpu/mix"}) for name in ("a", "b", "c", "d")]
    assert lines(regressed.model_copy(update={"verdicts": many})) == []
    assert len(lines(regressed.model_copy(update={"verdicts": many[:3]}))) == 3


def test_new_figures_name_the_command_that_accepts_them(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = [v.model_copy(update={"outcome": "no-baseline", "note": ""}) for v in results.verdicts]
    theirs = results.model_copy(update={"verdicts": new})
    monkeypatch.chdir(tmp_path)
    for file in (Path("build/reports/mine.json"), tmp_path / "build/reports/mine.json"):
        [line] = noteworthy(theirs, checks(theirs), file)
        assert line == (
            "**no baseline** yet; accept these figures with `pocketbert baseline update build/reports/mine.json`"
        )
    some = results.model_copy(update={"verdicts": [new[0], *results.verdicts[1:]]})
    assert "yet for some figures (listed below);" in lines(some)[0]


def test_another_machine_is_no_new_figure_and_its_reason_is_given_once(results: Results) -> None:
    reason = "the baseline is from another machine (processor A, here B)"
    update = {"outcome": "no-baseline", "baseline": None, "note": reason, "why": "other-machine"}
    changed = [v if v.metric in ("size", "accuracy") else v.model_copy(update=update) for v in results.verdicts]
    elsewhere = results.model_copy(update={"verdicts": [*changed, changed[0]]})
    assert lines(elsewhere) == []
    table = every_check(checks(elsewhere), True)
    assert table.count(reason) == 1
    assert table.endswith(f"\n\n- latency and memory of `student-int8.onnx`: {reason}")


def test_the_table_has_every_check_in_its_unit(regressed: Results) -> None:
    table = plain(every_check(checks(regressed), True))
    assert re.search(r"❌ regressed +\| .*latency P50, mobile-1t, 128 tokens \| +0\.104× \| +0\.121×", table)
    assert re.search(r"🟢 improved +\| .*size on disk .* 14\.6 MB \| +13\.9 MB \| +−4\.8 % \| +\+1 %", table)
    assert re.search(r"✅ ok +\| .*accuracy .* 86\.0 % \| +85\.9 % \| +−0\.1 pp \(−0\.4 to \+0\.2\) \| +−1 pp", table)


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
    assert re.search(
        r"ok +\| +\+3\.1 % \(\+1\.2 to \+5\.0\) \| +−2\.0 % \(−5\.0 to \+1\.0\) \| +\+5 % \| +6 \| +25\.0 %", table
    )
    assert table.endswith(
        "- `student-fp32.onnx` was not timed side by side: the baseline's file is not in the artifact store\n"
        "- `student-fp32.torch` is the baseline's own file, with the same libraries: not timed"
    )
    assert paired(results) == ""


def test_flipped_rows_call_nobody_and_end_no_cell(results: Results) -> None:
    rows = [FlippedRow(row=7, text="很|好 @某人 `#1`", label="pos")]
    flips = Flips(artifact="student-int8.onnx", against="the baseline", lost=12, won=9, lost_rows=rows, won_rows=[])
    none = flips.model_copy(update={"lost": 0, "won": 0, "lost_rows": []})
    blocks = flipped(results.model_copy(update={"flips": [flips, none]}))
    assert blocks.startswith(
        "`student-int8.onnx` against the baseline: 12 negative flips (now wrong), 9 positive flips (now right); the "
        "first of each:\n\n|"
    )
    assert re.search(r"\| now wrong +\| 7 +\| `pos` +\| `很¦好 @某人 '#1'`", blocks)
    assert blocks.count("the baseline") == 1


def test_without_texts_the_table_of_flips_has_numbers_and_labels(results: Results) -> None:
    flips = Flips(artifact="a", against="b", lost=1, won=0, lost_rows=[FlippedRow(row=7, label="pos")], won_rows=[])
    table = flipped(results.model_copy(update={"flips": [flips]}))
    assert "text" not in table
    assert re.search(r"\| now wrong +\| 7 +\| `pos` +\|", table)
