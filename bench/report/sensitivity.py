"""Sensitivity of a model to the loss of each part, as a terminal table and as a heat map."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tabulate import tabulate

from pocketbert.bench.report.format import numbers
from pocketbert.bench.report.plots.style import MUTED, ON_COLOUR, new_figure, save, style
from pocketbert.compress.base.files import write_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pocketbert.compress.pruning.sensitivity import Sensitivity

_SHOWN = {"layer": "layer", "ffn 0.75": "FFN ¾", "ffn 0.5": "FFN ½", "ffn 0.25": "FFN ¼"}
_TITLE = "Change of the metric when one part is removed"
_DESCRIPTION = (
    "Heat map: one row per layer, one column per attention head, whole layer or share of the FFN. The number is the "
    "change in percentage points without that part, negative is worse; grey numbers are within noise."
)
_CERTAIN = 4
"""Fewer rows that changed for the worse than for the better, or the reverse, are noise by McNemar's test at 95 %."""
_DARK = 0.6  # share of the scale from which light type is easier to read


def show(found: "Sensitivity") -> str:
    """Return a table, highest layer first, of the change in percentage points without each part."""
    parts, table = _table(found)
    rows = [
        [layer, *("" if value is None else numbers.signed_points(value / 100) for value in row)]
        for layer, row in reversed(list(enumerate(table)))
    ]
    whole = f"{found.metric} {numbers.percent(found.value)} on {found.rows:,} validation examples"
    return (
        f"{whole}; change in pp without the part (negative: worse):\n"
        f"{tabulate(rows, headers=['layer', *map(_short, parts)], disable_numparse=True, stralign='right')}"
    )


def write(found: "Sensitivity", folder: Path, recipe: str) -> list[Path]:
    """Write the numbers as JSON and the heat map as SVG; returns both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers, picture = folder / f"{recipe}-sensitivity.json", folder / f"{recipe}-sensitivity.svg"
    write_json(numbers, asdict(found))
    with style():
        save(_draw(found), picture, _TITLE, _DESCRIPTION)
    return [numbers, picture]


def _table(found: "Sensitivity") -> tuple[list[str], list[list[float | None]]]:
    """Return the parts' names, and the change in pp by layer and part (None: the layer has no such head)."""
    heads = sorted({c.part for c in found.changes if c.part.startswith("head")}, key=lambda part: int(part[5:]))
    parts = [*heads, *_SHOWN]
    changes = {(change.layer, change.part): change.pp for change in found.changes}
    layers = 1 + max(change.layer for change in found.changes)
    return parts, [[changes.get((layer, part)) for part in parts] for layer in range(layers)]


def _short(part: str) -> str:
    return _SHOWN.get(part) or part.replace("head ", "h")


def _draw(found: "Sensitivity") -> "Figure":
    import numpy as np

    parts, table = _table(found)
    values = np.array([[np.nan if value is None else value for value in row] for row in table])
    heads = len(parts) - len(_SHOWN)
    scale = max(1.0, float(np.nanmax(np.abs(values[:, :heads]))) * 2)
    figure = new_figure(1.2 + 0.36 * len(table))
    axes = figure.subplots()
    axes.grid(visible=False)
    noise = 100 * _CERTAIN / found.rows
    certain = np.where(np.abs(values) < noise, np.nan, values)
    image = axes.imshow(certain, cmap="RdBu", vmin=-scale, vmax=scale, aspect="auto", origin="lower")
    for layer, row in enumerate(table):
        for place, value in enumerate(row):
            if value is not None:
                colour = MUTED if abs(value) < noise else "white" if abs(value) > _DARK * scale else ON_COLOUR
                axes.text(place, layer, numbers.fixed(value, 1), ha="center", va="center", fontsize=7.5, color=colour)
    axes.axvline(heads - 0.5, color="white", linewidth=4)
    axes.set_xticks(range(len(parts)), [_short(part) for part in parts], fontsize=8.5)
    axes.set_yticks(range(len(table)))
    axes.set_ylabel("layer")
    axes.set_xlabel(f"one head, the whole layer, or all but a share of the FFN; grey: within noise ({noise:.1f} pp)")
    axes.set_title(f"Change of {found.metric} (pp) when one part is removed ({found.rows:,} validation examples)")
    figure.colorbar(image, ax=axes, extend="both", pad=0.01)
    return figure
