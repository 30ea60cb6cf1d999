"""The page is written from whatever is recorded, and errors are counted by the column's real slow-down."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from studies.verdicts.columns import Column, columns
from studies.verdicts.page import errors, write_page
from studies.verdicts.record import Record
from studies.verdicts.replay import Rates
from tests.support import REPO
from tests.support.verdicts import recorded_pairs


def test_what_counts_as_an_error() -> None:
    rates = Rates(Counter(ok=3, regressed=1))
    assert errors(Column(0.0, False), rates) == 0.25
    assert errors(Column(0.10, False), rates) == 0.75
    assert errors(Column(0.03, False), rates) is None


def test_the_columns_lie_around_the_limit() -> None:
    assert [column.name for column in columns(0.05)] == [
        f"{slow_down}% {load} at +5%" for load in ("idle", "busy") for slow_down in (0, 10, 20, 3.3, 5)
    ]
    assert [column.slow_down for column in columns()] == 2 * [0.0, 0.06, 0.1, 0.2, 0.02, 0.03]


@pytest.mark.parametrize("limit", [0.005, 0.01, 0.025, 0.03])
def test_every_column_has_a_name_of_its_own(limit: float) -> None:
    every = columns(limit)
    assert len({column.name for column in every}) == len({column.recording for column in every}) == len(every)


def test_what_is_written_by_hand_stays(tmp_path: Path) -> None:
    record, page = Record(tmp_path / "record.jsonl", "it"), tmp_path / "verdicts.md"
    shutil.copy(REPO / "docs/verdicts.md", page)
    for pair in recorded_pairs(0.0, 8):
        record.add(pair)
    write_page(record, [], page)
    shown = page.read_text(encoding="utf-8")
    assert "\n**Conclusion.** " in shown and "\n## On a machine with less noise\n" in shown
    assert "| latency  | 60 " in shown, "no build was made, so the table of the builds stays"
    assert "| 0% idle  | 8 " in shown and "| 0% idle  | 1419 " not in shown


def test_a_page_of_an_interrupted_study(tmp_path: Path) -> None:
    record = Record(tmp_path / "record.jsonl", "it")
    for pair in recorded_pairs(0.0, 8):
        record.add(pair)
    record.add({"column": "0% idle at +3%", "outcome": "ok", "pairs": 4, "seconds": 2.0})
    write_page(record, [], tmp_path / "verdicts.md")
    page = (tmp_path / "verdicts.md").read_text(encoding="utf-8")
    assert "Not recorded yet: 2% idle at +3%, 3% idle at +3%, 6% idle at +3%, 10% idle at +3%, " in page
    assert "| 0% idle  | 8 " in page
    assert "\nNot run.\n" in page
    assert "| 0% idle at +3% | 1          | 1 = 100.0% (2.5 to 100.0)" in page
    assert (tmp_path / "verdicts.svg").is_file()
