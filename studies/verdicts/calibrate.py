"""Calibrates the extra work that makes the student slower by a given share; measured twice, and recorded."""

from dataclasses import replace
from math import exp
from pathlib import Path
from statistics import fmean

from pocketbert.bench.measuring.pairs import Side, time_pair
from pocketbert.bench.records.results import Profile
from pocketbert.compress.base.progress import Progress
from studies.verdicts.columns import LENGTH, Column, share
from studies.verdicts.record import Record
from studies.verdicts.slower import write_slower

_FIRST_GUESS = 7000
"""Columns of a slow-down of 100 %; a wrong guess only takes longer to correct."""
_PAIRS = 16
_MOST = 2.0
"""Largest correction of one round, as a factor: noise of the size of a small slow-down must not multiply the work."""


def slower_sides(
    student: Side, columns: list[Column], profile: Profile, folder: Path, record: Record, progress: Progress
) -> dict[float, Side]:
    """Return slow-down -> side: the student itself for 0.0, slower copies of it, written into `folder`, for the others.

    The amount of work comes from the record if it is there, so that a resumed study continues with the same files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sides, guess = {0.0: student}, _FIRST_GUESS
    for slow_down in sorted({column.slow_down for column in columns} - {0.0}, reverse=True):
        copy = replace(student, file=student.file._replace(path=folder / f"slower-{share(slow_down)}.onnx"))
        if slow_down not in record.work:
            work = _calibrated(student, copy, profile, slow_down, round(guess * slow_down), progress)
            record.add({"slow_down": slow_down, "columns": work})
        guess = round(record.work[slow_down] / slow_down)
        write_slower(student.file.path, copy.file.path, record.work[slow_down])
        sides[slow_down] = copy
    return sides


def _calibrated(student: Side, copy: Side, profile: Profile, slow_down: float, columns: int, progress: Progress) -> int:
    """Correct a guess twice, each time in proportion to its measured slow-down."""
    with progress.work(f"work for {share(slow_down)}", 2 * _PAIRS) as work:
        for _ in range(2):
            write_slower(student.file.path, copy.file.path, columns)
            logs = []
            for number in range(_PAIRS):
                logs.append(time_pair(student, copy, profile, [LENGTH], number)[LENGTH].log_p50)
                work.advance()
            measured = max(exp(fmean(logs)) - 1, slow_down / _MOST)
            columns = round(columns * max(slow_down / measured, 1 / _MOST))
    return columns
