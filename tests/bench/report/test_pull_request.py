"""The comment on a pull request."""

import re

import pytest

from pocketbert.bench.records.results import Results
from pocketbert.bench.report.pull_request import ROWS, compose
from tests.support.reports import check_tables, plain
from tests.support.results import FILE, INT8

WIDEST = 780
"""Pixels of a comment on GitHub."""


def width(line: str) -> float:
    """Estimate the pixels of a table row: its numbers never wrap, the first column wraps between words."""
    first, *numbers = (cell.strip() for cell in line.strip("|").split("|"))
    words = re.split(r"<br>|[ -]", first)
    cells = [max(map(len, words), default=0), *map(len, numbers)]
    return sum(7.3 * characters + 27 for characters in cells)


@pytest.mark.parametrize("kind", ["results", "regressed", "rolled_back", "beside", "copied"])
def test_it_is_short_and_narrow_and_begins_with_the_verdict(kind: str, request: pytest.FixtureRequest) -> None:
    page = compose(request.getfixturevalue(kind), FILE)
    lines = page.splitlines()
    assert lines[0].startswith("### ")
    assert len(lines) <= 60
    assert check_tables(page) == 1
    first = next(number for number, line in enumerate(lines) if re.search(r"[+−]?\d+\.\d (%|pp)", plain(line)))
    assert first <= 6, "lines before the first change against the baseline"
    widest = max(width(line) for line in lines if line.startswith("| ") and "|:" not in line)
    assert widest <= WIDEST
    assert "![" not in page and "<svg" not in page


def test_it_says_what_changed_against_the_baseline_and_in_one_line_against_the_teacher(results: Results) -> None:
    page = plain(compose(results, FILE))
    assert page.startswith("### ✅ pocketbert offline: no regression against `baselines/offline.json`\n\n| check")
    assert "\nAgainst the teacher, `student-int8.onnx` is **9.61× faster, 11.0× smaller, −0.6 pp accuracy**.\n" in page
    row = next(line for line in page.splitlines() if "✅ accuracy" in line)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1:5] == ["86.0 %", "85.9 %", "−0.1 pp (−0.4 to +0.2)", "−1 pp"]
    assert re.fullmatch(r"`[ ─┼●│║]{17}`", cells[5])


def test_a_file_that_is_the_baselines_own_says_so_in_place_of_its_latency(results: Results) -> None:
    page = plain(compose(results.model_copy(update={"same_file": [INT8]}), FILE))
    assert [line.replace(" ", "") for line in page.splitlines() if "latency" in line and line.startswith("|")] == [
        "|✅latency|–|–|samefile|+5%|–|"
    ]
    assert "✅ latency P50" in plain(compose(results, FILE))


def test_rows_of_unchanged_files_do_not_lengthen_the_table(results: Results) -> None:
    int8, names = results.artifact(INT8), [f"file-{number}" for number in range(20)]
    own = [v for v in results.verdicts if v.artifact == INT8]
    verdicts = [v.model_copy(update={"artifact": name}) for name in names for v in own]
    artifacts = [*results.artifacts, *(int8.model_copy(update={"id": name}) for name in names)]
    update = {"artifacts": artifacts, "verdicts": verdicts, "same_file": names}
    page = plain(compose(results.model_copy(update=update), FILE))
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert len(rows) == ROWS + 1
    assert not any("same file" in row for row in rows)
    few = results.model_copy(update=update | {"verdicts": verdicts[: 2 * len(own)]})
    assert sum("same file" in line for line in plain(compose(few, FILE)).splitlines()) == 2


def test_failing_checks_come_first_and_are_counted(regressed: Results, beside: Results) -> None:
    page = compose(regressed, FILE)
    assert page.startswith("### ❌ pocketbert offline: 2 checks fail\n")
    rows = [line for line in page.splitlines() if line.startswith("| ")][1:]
    assert "❌ latency P50" in rows[0]
    assert "►" in next(line for line in compose(beside, FILE).splitlines() if "❌ latency" in line)


def test_without_a_baseline_it_names_the_command_that_makes_one(results: Results) -> None:
    verdicts = [
        v.model_copy(update={"outcome": "no-baseline", "baseline": None, "change": None}) for v in results.verdicts
    ]
    page = compose(results.model_copy(update={"verdicts": verdicts, "baseline": None}), FILE)
    assert page.startswith("### ⚪ pocketbert offline: nothing was compared with a baseline\n")
    assert "`pocketbert baseline update reports/offline.json`" in page


def test_many_files_leave_the_report_to_say_the_rest(results: Results) -> None:
    [latency, *_] = results.verdicts
    many = [latency.model_copy(update={"artifact": f"file-{number}"}) for number in range(90)]
    page = compose(results.model_copy(update={"verdicts": many}), FILE)
    assert len(page.splitlines()) <= 60
    assert page.count("✅ latency") == ROWS
    assert f"{90 - ROWS} more checks, none of them worse than these, are in the report." in page


def test_remarks_are_few_and_short(regressed: Results) -> None:
    [gone] = [v for v in regressed.verdicts if v.outcome == "missing" and v.metric == "size"]
    many = [gone.model_copy(update={"artifact": f"f{n}", "message": "size missing: " + "x" * 900}) for n in range(30)]
    page = compose(regressed.model_copy(update={"verdicts": many}), FILE)
    bullets = [line for line in page.splitlines() if line.startswith("- ")]
    assert len(bullets) == 9
    assert max(map(len, bullets)) < 420
    assert bullets[-1] == "- and 22 more remarks in the report"
