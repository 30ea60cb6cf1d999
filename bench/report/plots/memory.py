"""Peak memory: a bar per file, divided into the runtime with its libraries, and the model."""

from typing import TYPE_CHECKING, Any

from pocketbert.bench.records.results import Results
from pocketbert.bench.report.format.choose import by_role
from pocketbert.bench.report.format.numbers import mebibytes
from pocketbert.bench.report.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Peak memory of every file"
DESCRIPTION = (
    "One bar per file, in MiB. The grey part is the runtime with its libraries, which the gate leaves out; the "
    "coloured part is the model. Both are written at the right."
)
_ROW = 0.36  # inches


def draw(results: Results) -> "Figure | None":
    """Draw the picture, or return None if no memory was measured."""
    shown = [(a, a.memory) for a in by_role(results) if a.memory]
    if not shown:
        return None
    figure = style.new_figure(1.15 + _ROW * len(shown))
    axes = figure.subplots()
    for row, (artifact, memory) in enumerate(shown):
        libraries = max(memory.peak_mib - memory.own_mib, 0.0)
        axes.barh(row, libraries, height=0.66, color=style.MUTED, alpha=0.35, linewidth=0)
        axes.barh(row, memory.own_mib, left=libraries, height=0.66, color=style.COLOURS[artifact.role], linewidth=0)
        said = f"{mebibytes(memory.own_mib)} of {mebibytes(memory.peak_mib)}"
        style.annotate(axes, said, (libraries + memory.own_mib, row), (5, 0), style.INK, va="center")
    style.name_rows(axes, [a.id for a, _ in shown], len(shown) - 0.5, -0.6)
    axes.set_xlim(0, 1.3 * max(memory.peak_mib for _, memory in shown))
    axes.set_xlabel("MiB at the peak; at the right: model of all")
    axes.set_title("Peak memory", pad=24)
    handles = [axes.barh(0, 0, color=style.MUTED, alpha=0.35, label="runtime and libraries")]
    roles = dict.fromkeys(artifact.role for artifact, _ in shown)
    handles += [axes.barh(0, 0, color=style.COLOURS[role], label=f"model, {style.NAMES[role]}") for role in roles]
    looks: dict[str, Any] = {
        "ncols": len(handles),
        "handlelength": 1,
        "columnspacing": 1.1,
        "borderaxespad": 0.2,
        "fontsize": 9,
    }
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), **looks)
    return figure
