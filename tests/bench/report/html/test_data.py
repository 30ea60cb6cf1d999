"""The data of the HTML page."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from pocketbert.bench.records.history import Record, append, load
from pocketbert.bench.records.results import FlippedRow, Flips, Latency, Results
from pocketbert.bench.report.html import compose, inline
from pocketbert.bench.report.html.data import view
from pocketbert.bench.report.html.trends import trends
from pocketbert.bench.stats.intervals import Interval
from pocketbert.compress.manifest import Recorded
from tests.support.results import INT8

LIMIT = 1.5 * 2**20
"""Bytes of a page."""


def data_of(page: str) -> dict[str, object]:
    [found] = re.findall(r'<script type="application/json" id="data">(.*)</script>', page)
    data: dict[str, object] = json.loads(found)
    return data


def test_the_page_has_the_figures_and_refers_to_nothing_outside(beside: Results) -> None:
    page = compose(beside, [])
    assert data_of(page) == view(beside, [])
    assert not re.search(r"""(src|href)=["'](?!#)""", page)
    assert page.count("http") == page.count("http-equiv") + page.count("http://www.w3.org/2000/svg")


def test_the_header_names_commit_machine_and_pull_request(results: Results) -> None:
    address = "https://github.com/we/app/pull/12"
    update = {"commit": "c" * 40, "subject": "fewer heads", "pull_request": address}
    found = view(results.model_copy(update=update), [])
    assert f"of commit cccccccccccc (fewer heads) on {results.machine.cpu} in " in found["made"]
    assert found["pull_request"] == address
    hostile = results.model_copy(update={"pull_request": "javascript:alert(1)"})
    assert view(hostile, [])["pull_request"] == ""


def test_a_figure_of_another_run_is_a_remark(results: Results) -> None:
    one = Recorded(what="the labels alone", value=0.82, source="docs/x.md")
    remarks = view(results.model_copy(update={"recorded": [one]}), [])["remarks"]
    assert "Not measured here: the labels alone, 82.0 % (docs/x.md)." in remarks


def test_a_run_that_decided_too_little_does_not_look_passed(results: Results) -> None:
    states = {}
    for outcome in ("ok", "inconclusive", "regressed"):
        update = {"outcome": outcome, "fails": outcome == "regressed"}
        verdicts = [v.model_copy(update=update) for v in results.verdicts]
        states[outcome] = view(results.model_copy(update={"verdicts": verdicts}), [])["state"]
    assert states == {"ok": "ok", "inconclusive": "inconclusive", "regressed": "regressed"}


def test_equal_results_give_equal_bytes(results: Results) -> None:
    assert compose(results, []) == compose(results, [])


def test_json_ends_no_script_and_holds_no_markup() -> None:
    text = inline({"a": "</script><!--<b>&\u2028"})
    assert not re.search("[<>&]", text)
    assert json.loads(text) == {"a": "</script><!--<b>&\u2028"}


def test_what_is_no_number_in_json_is_left_out(results: Results) -> None:
    [first, *others] = results.verdicts
    odd = first.model_copy(
        update={"change": Interval.model_construct(estimate=float("nan"), low=0.0, high=float("inf"))}
    )
    found = view(results.model_copy(update={"verdicts": [odd, *others]}), [])
    assert next(check for check in found["checks"] if check["metric"] == "latency")["change"] == [None, 0.0, None]


def test_a_baselines_times_are_beside_those_of_the_same_pairs(beside: Results) -> None:
    """Those of the sets are of other processes, and without the correction for waiting."""
    pair = beside.paired[0]
    found = next(each for each in view(beside, [])["latency"]["paired"] if each["artifact"] == pair.artifact)
    middle = len(found["now"]) // 2
    assert found["now"][middle] == pytest.approx(np.median(pair.candidate_ms), rel=0.01)
    assert found["before"][middle] == pytest.approx(np.median(pair.baseline_ms), rel=0.01)


def test_every_check_has_the_command_that_runs_it_alone(results: Results) -> None:
    found = {check["metric"]: check["rerun"] for check in view(results, [])["checks"]}
    assert found["latency"] == f"{results.command} -k 'test_latency[{INT8}-mobile-1t/128]'"
    assert found["size"] == f"{results.command} -k 'test_size[{INT8}]'"
    [first, *others] = results.verdicts
    for name in ("学生-int8.onnx", "my model.onnx"):
        odd = results.model_copy(update={"verdicts": [first.model_copy(update={"artifact": name}), *others]})
        assert {check["rerun"] for check in view(odd, [])["checks"] if check["artifact"] == name} == {""}
    hostile = results.model_copy(update={"command": "pytest; rm -rf /"})
    assert {check["rerun"] for check in view(hostile, [])["checks"]} == {""}


def test_a_run_of_many_files_stays_small(beside: Results) -> None:
    artifacts = [
        a.model_copy(update={"id": f"{n}-{a.id}", "sha256": f"{n}{a.sha256}"})
        for n in range(3)
        for a in beside.artifacts
    ]
    pairs = [
        p.model_copy(update={"artifact": a.id, "baseline_ms": p.baseline_ms * 9, "candidate_ms": p.candidate_ms * 9})
        for p in beside.paired
        for a in artifacts
    ]
    rows = [FlippedRow(row=n, text="很" * 48, label="pos") for n in range(50)]
    flips = [
        Flips(artifact=a.id, against="the baseline", lost=99, won=99, lost_rows=rows, won_rows=rows) for a in artifacts
    ]
    many = beside.model_copy(
        update={"artifacts": artifacts, "paired": pairs, "flips": flips, "reference": artifacts[0].id}
    )
    assert len(compose(many, []).encode()) < LIMIT


def test_a_violin_needs_samples(results: Results) -> None:
    empty = [Latency.model_validate(m.model_dump() | {"samples_ms": []}) for m in results.artifacts[0].latency]
    first = results.artifacts[0].model_copy(update={"latency": empty})
    found = view(results.model_copy(update={"artifacts": [first, *results.artifacts[1:]]}), [])
    assert {row["artifact"] for row in found["latency"]["rows"]} == {a.id for a in results.artifacts[1:]}


@pytest.fixture
def record(results: Results, tmp_path: Path) -> Record:
    append(tmp_path / "x.jsonl", results, "monday")
    return load(tmp_path / "x.jsonl")[0]


def with_bytes(record: Record, size: int, **more: object) -> Record:
    artifacts = {name: figures.model_copy(update={"bytes": size}) for name, figures in record.artifacts.items()}
    return record.model_copy(update={"artifacts": artifacts, **more})


def test_the_history_is_relative_to_the_current_baseline_and_breaks_where_nothing_compares(
    results: Results, record: Record
) -> None:
    runs = [
        with_bytes(record, 80, commit="a" * 8, baseline="sunday"),
        with_bytes(record, 99, commit="b" * 8),
        with_bytes(record, 100, commit="b" * 8),
        with_bytes(record, 110, commit="c" * 8, subject="wider", fingerprint="elsewhere"),
    ]
    found = trends(results, runs)
    assert [run["subject"] for run in found["runs"]] == ["", "", "wider"]
    assert [(run["commit"], run["updated"]) for run in found["runs"]] == [
        ("aaaaaaa", False), ("bbbbbbb", True), ("ccccccc", False),
    ]  # fmt: skip
    size = found["files"][INT8]["size on disk"]
    assert [point["value"] for point in size["points"]] == pytest.approx([-0.2, 0, 0.1])
    assert (size["limit"], size["unit"], size["points"][2]["figure"]) == (0.01, "%", "110 B")
    assert [point["breaks"] for point in size["points"]] == [False, False, False]
    memory = found["files"][INT8]["model memory"]
    assert [point["breaks"] for point in memory["points"]] == [False, False, True]
    assert [point["value"] for point in memory["points"]] == [0, 0, 0], "another machine has an origin of its own"
    accuracy = found["files"][INT8]["accuracy"]
    assert (accuracy["limit"], accuracy["unit"]) == (-0.010, "pp")
    assert trends(results, []) == {"runs": [], "files": {}}


def test_figures_of_two_machines_are_not_relative_to_each_other(results: Results, record: Record) -> None:
    def with_memory(mib: float, machine: str) -> Record:
        artifacts = {name: f.model_copy(update={"own_mib": mib}) for name, f in record.artifacts.items()}
        return record.model_copy(update={"artifacts": artifacts, "fingerprint": machine, "commit": f"{mib}{machine}"})

    runs = [with_memory(*each) for each in ((10.0, "a"), (20.0, "b"), (11.0, "a"), (21.0, "b"))]
    memory = trends(results, runs)["files"][INT8]["model memory"]
    assert [point["value"] for point in memory["points"]] == pytest.approx([0, 0, 0.1, 0.05])
    assert memory["limit"] == pytest.approx(1 / 20), "1 MiB of 20 is allowed, and the limit is 5 %"
    small = trends(results, [with_memory(10.0, "a")])["files"][INT8]["model memory"]
    assert small["limit"] == pytest.approx(0.1), "a change below 1 MiB never fails"


def test_a_first_run_has_not_passed(results: Results) -> None:
    verdicts = [v.model_copy(update={"outcome": "no-baseline", "change": None}) for v in results.verdicts]
    found = view(results.model_copy(update={"verdicts": verdicts}), [])
    assert found["verdict"] == f"Gate: nothing was compared, for lack of a baseline ({len(verdicts)} figures)."


def test_the_warnings_of_the_report_are_remarks(results: Results, rolled_back: Results) -> None:
    artifacts = [a.model_copy(update={"unseen": 0.8}) for a in results.artifacts]
    warned = results.model_copy(update={"in_train": 300, "artifacts": artifacts, "confidence": 0.9})
    remarks = view(warned, [])["remarks"]
    assert any("300 of" in remark and "are in train too" in remark for remark in remarks)
    assert "Intervals of accuracy are 90 % here (guard.confidence), whatever a heading says." in remarks
    assert not [remark for remark in remarks if "`" in remark or "**" in remark]
    assert any("distill" in remark for remark in view(rolled_back, [])["remarks"])
