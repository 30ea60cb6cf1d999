"""The table at the end of a pytest run."""

import re
from pathlib import Path

from pocketbert.bench.records.results import Changed, Profile, Results, Why
from pocketbert.bench.report.summary import verdict_lines

FILE, BASELINE = Path("reports/offline.json"), Path("baselines/offline.json")


def lines(results: Results, baseline: Path | None = BASELINE) -> list[str]:
    return [line.text for line in verdict_lines(results, FILE, baseline)]


def test_a_failing_verdict_is_marked_and_counted(regressed: Results) -> None:
    found = lines(regressed)
    assert re.match(r"verdict +metric +artifact +profile/tokens +baseline +measured +interval", found[0])
    row = next(line for line in found if line.startswith("regressed !"))
    assert row.split()[2:] == [
        "latency", "student-int8.onnx", "mobile-1t/128", "0.104×", "0.121×", "0.119", "to", "0.123",
    ]  # fmt: skip
    assert any(re.match(r"missing +latency", line) for line in found), "a profile this machine lacks fails nothing"
    assert found[-1] == "7 verdicts, 2 failing; measured in 163 s"


def test_a_row_has_the_colour_of_its_verdict(regressed: Results) -> None:
    found = list(verdict_lines(regressed, FILE, BASELINE))
    colours = {line.text.split("  ")[0]: line.colour for line in found[2 : 2 + len(regressed.verdicts)]}
    assert (colours["regressed !"], colours["missing"], colours["ok"]) == ("red", "yellow", "green")
    assert not [line for line in (*found[:2], *found[2 + len(regressed.verdicts) :]) if line.colour]


def test_skipped_and_duplicate_profiles_are_named(results: Results) -> None:
    twin = Profile(name="mobile-2t", threads=2, same_as="cpu")
    found = lines(results.model_copy(update={"profiles": [*results.profiles, twin]}))
    assert "profile mobile-4t skipped: needs 4 cores, 2 usable" in found
    assert "profile mobile-2t is cpu on this machine: measured once" in found


def test_the_evidence_has_a_line_per_artifact(results: Results) -> None:
    moved = Why(artifact="a", metrics=["size"], evidence={"libraries": [Changed(what="torch", was="2.1", now="2.2")]})
    assert "inside a: libraries: torch 2.1 → 2.2" in lines(results.model_copy(update={"why": [moved]}))


def test_the_baseline_is_named_or_the_command_that_writes_one(results: Results) -> None:
    assert lines(results)[-2] == "baseline: baselines/offline.json"
    none = "no baseline: nothing was compared; write a baseline with: "
    assert lines(results, None)[0] == f"{none}pocketbert baseline update reports/offline.json"
    part = results.model_copy(update={"part": True})
    assert lines(part, None)[0] == f"{none}a run of everything"
    interpreters = results.model_copy(update={"other_versions": {"onnxruntime": "1"}})
    assert lines(interpreters, None)[0].startswith("no baseline: only the two interpreters were compared;")
