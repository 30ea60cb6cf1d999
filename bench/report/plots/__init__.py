"""Pictures: one module each. A picture's file is named after its module, with hyphens: ``accuracy-latency.svg``.

A module has ``TITLE`` and ``DESCRIPTION``, which the picture carries for screen readers, and ``draw(results)``, which
returns a figure, or None if there is nothing to draw. Matplotlib is imported on use.
"""

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from pocketbert.bench.records.results import Results


def pictures() -> dict[str, Any]:
    """Return file name -> module of every picture, in alphabetical order."""
    modules = {found.name: import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)}
    return {f"{name.replace('_', '-')}.svg": module for name, module in modules.items() if hasattr(module, "TITLE")}


def draw_all(results: Results, folder: Path) -> list[str]:
    """Draw all pictures into `folder`; returns the names of the files that exist now.

    An earlier run's picture that cannot be drawn any more is removed, so that no picture contradicts the report.
    """
    from pocketbert.bench.report.plots.style import save, style

    drawn = []
    with style():
        for name, module in pictures().items():
            figure = module.draw(results)
            if figure is None:
                (folder / name).unlink(missing_ok=True)
            else:
                save(figure, folder / name, module.TITLE, module.DESCRIPTION)
                drawn.append(name)
    return drawn
