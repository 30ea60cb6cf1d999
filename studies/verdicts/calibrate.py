"""Calibrates the extra work that makes the student slower by a given share; measured twice, and recorded."""

from dataclasses import replace
from math import exp
from pathlib import Path
from statistics import fmean

from pocketbert.bench.measuring.pairs import Side, time_pair
from pocketbert.bench.records.results import Profile
from pocketbert.compress.base.progress import Progress
from studies.verdicts.columns import LENGTH, Column
from studies.verdicts.record import Record
from studies.verdicts.slower import write_slower

_FIRST_GUESS = 400
_PAIRS = 16


def slower_sides(
    student: Side, columns: list[Column], profile: Profile, folder: Path, record: Record, progress: Progress
) -> dict[float, Side]:
    """Return slow-down -> side: the student itself for 0.0, slower copies of it, written into `folder`, for the others.

    The amount of work comes from the record if it is there, so that a resumed study continues with the same files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sides = {0.0: student}
    for slow_down in sorted({column.slow_down for column in columns} - {0.0}):
        copy = replace(student, file=student.file._replace(path=folder / f"slower-{slow_down:.0%}.onnx"))
        if slow_down not in record.work:
            work = _calibrated(student, copy, profile, slow_down, progress)
            record.add({"slow_down": slow_down, "columns": work})
        write_slower(student.file.path, copy.file.path, record.work[slow_down])
        sides[slow_down] = copy
    return sides


def _calibrated(student: Side, copy: Side, profile: Profile, slow_down: float, progress: Progress) -> int:
    """Correct a guess twice, each time in proportion to its measured slow-down."""
    columns = round(_FIRST_GUESS * slow_down / 0.2)
    with progress.work(f"work for {slow_down:.0%}", 2 * _PAIRS) as work:
        for _ in range(2):
            write_slower(student.file.path, copy.file.path, columns)
            logs = []
            for number in range(_PAIRS):
                logs.append(time_pair(student, copy, profile, [LENGTH], number)[LENGTH].log_p50)
                work.advance()
            columns = round(columns * slow_down / (exp(fmean(logs)) - 1))
    return columns
