"""Pictures: one file each, with `draw(results) -> Figure | None`; None where nothing was measured.

A new picture is one file here and its line in `PICTURES`. Matplotlib is imported where it is used.
"""

from importlib import import_module
from pathlib import Path

from bench.results import Results

PICTURES = {
    "accuracy-latency.svg": "accuracy_latency",
    "beside-baseline.svg": "beside_baseline",
    "guard.svg": "guard_path",
    "latency.svg": "latency_samples",
    "memory.svg": "memory_series",
    "size.svg": "size_parts",
}
"""File name -> module here."""


def draw_all(results: Results, folder: Path) -> list[str]:
    """Draw what was measured into `folder`; returns the names of the files that are there now.

    A picture of an earlier run that cannot be drawn any more is removed, so that none contradicts the report.
    """
    from bench.report.plots.style import save, style

    drawn = []
    with style():
        for name, module in PICTURES.items():
            figure = import_module(f"{__name__}.{module}").draw(results)
            if figure is None:
                (folder / name).unlink(missing_ok=True)
            else:
                save(figure, folder / name)
                drawn.append(name)
    return drawn
