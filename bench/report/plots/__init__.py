"""Pictures: one file each, with `draw(results) -> Figure | None`; None where nothing was measured.

A new picture is one file here and its line in `PICTURES`. Matplotlib is imported where it is used.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from pocketbert.bench.records.history import Record
from pocketbert.bench.records.results import Results

PICTURES = {
    "accuracy-latency.svg": "accuracy_latency",
    "beside-baseline.svg": "beside_baseline",
    "guard.svg": "guard_path",
    "latency.svg": "latency_samples",
    "memory.svg": "memory_series",
    "size.svg": "size_parts",
}
"""File name -> module here."""
HISTORY = "history.svg"
"""Drawn from the runs so far instead of from one."""


def draw_all(results: Results, records: Sequence[Record], folder: Path) -> list[str]:
    """Draw what was measured into `folder`; returns the names of the files that are there now.

    A picture of an earlier run that cannot be drawn any more is removed, so that none contradicts the report.
    """
    from pocketbert.bench.report.plots.style import save, style

    drawn = []
    with style():
        figures = {name: import_module(f"{__name__}.{module}").draw(results) for name, module in PICTURES.items()}
        figures[HISTORY] = import_module(f"{__name__}.history_trend").draw(records)
        for name, figure in figures.items():
            if figure is None:
                (folder / name).unlink(missing_ok=True)
            else:
                save(figure, folder / name)
                drawn.append(name)
    return drawn
