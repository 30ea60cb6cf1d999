"""Bytes on disk: a bar per artifact, divided into embeddings, attention, FFN, head and the rest."""

from typing import TYPE_CHECKING

from pocketbert.bench.records.results import REST, Results
from pocketbert.bench.report.format.choose import PARTS, by_role
from pocketbert.bench.report.format.numbers import file_size
from pocketbert.bench.report.plots.style import INK, MUTED, ON_COLOUR, annotate, name_rows, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Size on disk by part of the model"
DESCRIPTION = (
    "One bar per file, divided into the bytes of embeddings, attention, FFN, head and the rest. At the right: the size "
    "on disk, and zipped as an app bundle carries it."
)
# The colours differ in lightness too: readable in grey prints and by most colour-blind readers.
COLOURS = {"embeddings": "#2563a8", "attention": "#b8450a", "FFN": "#e3a13b", "head": "#8a4fb0", REST: "#aab2bb"}
_ROW = 0.36  # inches
_READABLE = 0.085  # share of the widest bar: a wider part has its figure inside


def draw(results: Results) -> "Figure | None":
    """Draw the picture, or return None if no artifact's parts are known."""
    shown = [(a, a.size) for a in by_role(results) if a.size and a.size.parts]
    if not shown:
        return None
    figure = new_figure(1.15 + _ROW * len(shown))
    axes = figure.subplots()
    widest = max(size.bytes for _, size in shown)
    scale, unit = (1e6, "MB") if widest >= 1e6 else (1e3, "kB")
    for row, (_, size) in enumerate(shown):
        left = 0
        for part in PARTS:
            count = size.parts.get(part, 0)
            axes.barh(row, count / scale, left=left / scale, height=0.66, color=COLOURS[part], linewidth=0)
            if count > _READABLE * widest:
                axes.text(
                    (left + count / 2) / scale,
                    row,
                    file_size(count),
                    ha="center",
                    va="center",
                    fontsize=9,
                    color=ON_COLOUR if part in ("FFN", REST) else "white",
                )
            left += count
        annotate(
            axes,
            f"{file_size(size.bytes)}, zipped {file_size(size.deflated_bytes)}",
            (size.bytes / scale, row),
            (5, 0),
            INK,
            va="center",
        )
    name_rows(axes, [a.id for a, _ in shown], len(shown) - 0.5, -0.6)
    axes.set_xlim(0, 1.4 * widest / scale)
    axes.set_xlabel(f"{unit} on disk", color=MUTED)
    axes.set_title("Size by part", pad=24)
    parts = [part for part in PARTS if any(size.parts.get(part, 0) > 0.002 * widest for _, size in shown)]
    handles = [axes.barh(0, 0, color=COLOURS[part], label=part) for part in parts]
    axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=len(parts), handlelength=1, borderaxespad=0.2
    )
    return figure
