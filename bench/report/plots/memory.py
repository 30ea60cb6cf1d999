"""Resident memory over time, of the processes with the teacher and with the exported model."""

from typing import TYPE_CHECKING

from pocketbert.bench.records.results import Results
from pocketbert.bench.report.format.choose import headline_artifact, reference
from pocketbert.bench.report.format.numbers import mebibytes
from pocketbert.bench.report.plots.style import COLOURS, latin, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ALT = "Resident memory over time, teacher and what ships"


def draw(results: Results) -> "Figure | None":
    """Draw the picture, or return None if no series was recorded."""
    shown = [
        (artifact, artifact.memory)
        for artifact in (reference(results), headline_artifact(results))
        if artifact and artifact.memory and artifact.memory.series
    ]
    if not shown:
        return None
    figure = new_figure(3.6)
    axes = figure.subplots()
    tallest = max(memory.peak_mib for _, memory in shown)
    longest = max(memory.series[-1][0] for _, memory in shown)
    for artifact, memory in shown:
        colour = COLOURS[artifact.role]
        seconds = [s for s, _ in memory.series]
        resident = [mib for _, mib in memory.series]
        peak = f"{artifact.id}: peak {mebibytes(memory.peak_mib)}, own share {mebibytes(memory.own_mib)}"
        axes.plot(seconds, resident, color=colour, linewidth=2, label=latin(peak))
        axes.fill_between(seconds, resident, color=colour, alpha=0.12, linewidth=0)
        axes.axhline(memory.peak_mib, color=colour, linewidth=0.9, linestyle=(0, (2, 2)))
    axes.set_xlim(0, longest * 1.02 or 1)
    axes.set_ylim(0, tallest * 1.06 or 1)
    axes.legend(
        title="resident memory over time (dotted: peak)",
        title_fontsize=12,
        alignment="left",
        loc="lower left",
        bbox_to_anchor=(0, 1.01),
        borderaxespad=0,
        labelcolor="linecolor",
    )
    axes.set_xlabel("seconds since the process started")
    axes.set_ylabel("MiB")
    return figure
