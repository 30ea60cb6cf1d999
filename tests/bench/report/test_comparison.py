"""The page of two results files."""

import re
from collections.abc import Callable

import pytest
from markdown_it import MarkdownIt

from pocketbert.bench.records.results import Results
from pocketbert.bench.report.comparison import compose
from pocketbert.compress.base.errors import BadInput
from tests.support.reports import plain, rows_of, unfolded
from tests.support.results import INT8, slower

Change = Callable[..., Results]


def page(before: Results, now: Results) -> str:
    return plain(compose("a.json", "b.json", before, now))


def test_two_branches_are_told_apart_by_their_commits(results: Results) -> None:
    was, now = (results.model_copy(update={"commit": letter * 40}) for letter in "ab")
    assert re.search(rf"\| commit +\| \*\*`{'a' * 12}`\*\* +\| \*\*`{'b' * 12}`\*\*", page(was, now))


def test_two_machines_compare_ratios_and_neither_milliseconds_nor_memory(results: Results, changed: Change) -> None:
    now = changed(latency=slower(results, 1.1).latency)
    elsewhere = now.machine.model_copy(update={"cpu": "Cortex-A76", "fingerprint": "feed"})
    there = now.model_copy(update={"machine": elsewhere})
    shown = page(results, there)
    assert "- **Two machines**: AMD EPYC 9R14 (`3f6c1d2a`) and Cortex-A76 (`feed`)." in shown
    assert ", ms" not in shown
    assert "P50, first, ms" in page(results, now)


def test_ratios_to_two_teachers_are_not_compared_but_milliseconds_are(results: Results, changed: Change) -> None:
    now = changed(results.reference, macs=1)
    shown = page(results, now)
    assert "- **Two teachers**" in shown
    assert re.search(rf"`{INT8}` +\| +9\.\d+ → 9\.\d+ ms", shown)


def test_other_test_rows_are_named(results: Results, changed: Change) -> None:
    score = results.artifact(INT8).accuracy
    assert score
    other = changed(accuracy=score.model_copy(update={"test_sha256": "2" * 64}))
    assert "**Other test rows**" in page(results, other)
    assert rows_of(page(results, other), f"`{INT8}`")[0][-1] == "85.9 % → 85.9 %"


def test_the_page_says_what_with_what_and_marks_what_is_certain(results: Results, changed: Change) -> None:
    now = changed(latency=slower(results, 1.1).latency, id="student-int8.onnx")
    now = now.model_copy(
        update={
            "artifacts": [a for a in now.artifacts if a.id != "student-fp32.onnx"],
            "recipe": "other",
            "machine": now.machine.model_copy(update={"versions": {**now.machine.versions, "onnxruntime": "1.33.0"}}),
        }
    )
    shown = page(results, now)
    first = unfolded(shown)
    assert "`b.json` against `a.json`: **of 6 artifacts 1 slower.**" in first
    assert "- **Two recipes**: `offline` and `other`" in first
    assert "- **Other libraries**: onnxruntime 1.32.0 → 1.33.0" in first
    assert "- only in the first: `student-fp32.onnx`" in first
    row = next(line for line in first.splitlines() if line.startswith(f"| `{INT8}`"))
    assert re.search(r"\*\*▲ \+10\.0 % \(\+\d+\.\d to \+\d+\.\d\)\*\*", row)
    assert first.count("▲") == 2  # that row, and the legend
    assert len(first.splitlines()) < 30
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(shown)
    assert sum(token.type == "table_open" for token in tokens) == 6
    assert len(re.findall(r"^\|:?-", shown, flags=re.MULTILINE)) == 6


def test_only_a_change_for_the_worse_is_bold(results: Results, changed: Change) -> None:
    shown = page(results, changed(latency=slower(results, 0.9).latency))
    assert "of 7 artifacts 1 faster." in shown
    assert rows_of(shown, f"`{INT8}`")[0][0].startswith("▼ −10.0 % (")


def test_one_file_for_two_runtimes_is_one_pair(results: Results, changed: Change) -> None:
    pte = INT8.replace(".onnx", ".pte")
    shown = page(results, changed(id=pte, runtime="executorch"))
    assert f"- **Two runtimes**: `{pte}` ran in onnxruntime and in executorch." in shown
    assert "only in the" not in shown


def test_two_runtimes_are_named(results: Results, changed: Change) -> None:
    shown = page(results, changed(runtime="executorch"))
    assert f"- **Two runtimes**: `{INT8}` ran in onnxruntime and in executorch." in shown


def test_nothing_in_common_is_one_line(results: Results) -> None:
    artifacts = [results.artifacts[0].model_copy(update={"id": "x"})]
    alone = results.model_copy(update={"artifacts": artifacts, "reference": "x"})
    with pytest.raises(
        BadInput, match=r"^a\.json and b\.json: no artifact has the same id in both \(.*; x\); compare two"
    ):
        page(results, alone)


def test_intervals_of_another_level_are_named(results: Results, changed: Change) -> None:
    said = "Intervals of accuracy are 99 % here (guard.confidence), whatever a heading says."
    assert said not in compose("a", "b", results, results)
    assert said in compose("a", "b", results, results.model_copy(update={"confidence": 0.99}))
