"""The table at the end of a pytest run."""

import re
from pathlib import Path

from pocketbert.bench.records.results import Changed, Profile, Results, Why
from pocketbert.bench.report.summary import verdict_lines
from tests.support.results import INT8

FILE, BASELINE = Path("reports/offline.json"), Path("baselines/offline.json")


def lines(results: Results, baseline: Path | None = BASELINE) -> list[str]:
    return [line.text for line in verdict_lines(results, FILE, baseline)]


def test_a_failing_verdict_is_marked_and_counted(regressed: Results) -> None:
    found = lines(regressed)
    assert re.split(" {2,}", found[0].strip()) == ["verdict", "check", "baseline", "now", "change (95 % CI)", "limit"]
    row = next(line for line in found if line.startswith("  regressed !"))
    assert re.split(" {2,}", row.strip()) == [
        "regressed !", "latency P50 mobile-1t/128", "0.104×", "0.121×", "+16.3 % (+14.4 to +18.3)", "+5 %",
    ]  # fmt: skip
    assert max(len(line) for line in found if line.startswith("  ")) <= 100
    assert any(re.match(r"  missing +latency", line) for line in found), "a profile this machine lacks fails nothing"
    assert found[-2] == "latency with × is a multiple of the teacher's P50, timed in turn with it"
    assert found[-1] == (
        "3 of 6 measured checks passed, 1 of them improved, 1 regressed, 1 missing, 1 inconclusive, "
        "1 not possible on this machine; 2 failing; measured in 2 min 43 s"
    )


def test_the_checks_stand_below_their_file(regressed: Results, copied: Results) -> None:
    found = lines(regressed)
    files = [line for line in found[2:] if line in {verdict.artifact for verdict in regressed.verdicts}]
    assert len(files) == len(set(files)) == 2
    outcomes = [line.split()[0] for line in found[found.index(INT8) + 1 :] if line.startswith("  ")]
    assert outcomes[0] == "regressed", "the failing ones come first"
    shown = [line for line in lines(copied)[2:] if line.startswith("  ")]
    assert (len(shown), len(copied.verdicts)) == (5, 9), "copies are counted alone"
    assert "not repeated: 2 of student-fp32.onnx, which is the baseline's own file" in lines(copied)


def test_a_row_has_the_colour_of_its_verdict(regressed: Results) -> None:
    found = list(verdict_lines(regressed, FILE, BASELINE))
    colours = {re.split(" {2,}", line.text.strip())[0]: line.colour for line in found if line.text.startswith("  ")}
    assert (colours["regressed !"], colours["missing"], colours["ok"]) == ("red", "yellow", "green")
    assert not [line for line in found if line.colour and not line.text.startswith("  ")]


def test_skipped_and_duplicate_profiles_are_named(results: Results) -> None:
    twin = Profile(name="mobile-2t", threads=2, same_as="cpu")
    found = lines(results.model_copy(update={"profiles": [*results.profiles, twin]}))
    assert "profile mobile-4t skipped: needs 4 cores, 2 usable" in found
    assert "profile mobile-2t is cpu on this machine: measured once" in found


def test_the_evidence_has_a_line_per_artifact(results: Results) -> None:
    moved = Why(artifact="a", metrics=["size"], evidence={"libraries": [Changed(what="torch", was="2.1", now="2.2")]})
    assert "inside a: libraries: torch 2.1 → 2.2" in lines(results.model_copy(update={"why": [moved]}))


def test_the_baseline_is_named_or_the_command_that_writes_one(results: Results) -> None:
    assert "baseline: baselines/offline.json" in lines(results)
    none = "no baseline: nothing was compared; write a baseline with: "
    assert lines(results, None)[0] == f"{none}pocketbert baseline update offline"
    part = results.model_copy(update={"part": True})
    assert lines(part, None)[0] == "no baseline: nothing was compared; a baseline needs a run without -k and -m"
    interpreters = results.model_copy(update={"other_versions": {"onnxruntime": "1"}})
    assert lines(interpreters, None)[0].startswith("no baseline: only the two interpreters were compared;")


def test_intervals_of_another_level_are_named(results: Results) -> None:
    other = results.model_copy(update={"confidence": 0.99})
    lines = [line.text for line in verdict_lines(other, Path("reports/x.json"), None)]
    assert "Intervals of accuracy are 99 % here (guard.confidence), whatever a heading says." in lines
