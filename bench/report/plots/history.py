"""Trend of each metric from commit to commit, with baseline updates marked."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from pocketbert.bench.records.history import Figures, Record
from pocketbert.bench.records.results import Place
from pocketbert.bench.report.format.choose import HEADLINE, in_words
from pocketbert.bench.report.format.numbers import significant
from pocketbert.bench.report.plots.style import INK, MUTED, annotate, label_right, latin, log_axis, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ALT = "Latency, memory, size and accuracy from commit to commit; baseline updates are marked"
SHOWN = 40
"""Number of runs shown, the latest; of several runs of a commit on one machine, only the last counts."""
_LABELS = 12
_LINES = ("#c8480a", "#1b4f8f", "#2f7d4f", "#7a3e9d", "#8a6d00", "#59636e")
_MARKS = "osD^vP"
_LINE = 13.0  # pixels
_ROW = 0.15  # height of a row of names, as a share of the panel
_SIGNS = ("new baseline", "other machine", "other teacher")
Value = Callable[[Figures], tuple[float, float, float] | None]
"""Function of an artifact's figures: estimate, low and high end of its interval."""


def draw_runs(records: Sequence[Record]) -> "Figure | None":
    """Draw the picture, or return None for fewer than two runs."""
    runs = list(_last_of_each(records))[-SHOWN:]
    if len(runs) < 2:
        return None
    panels = [panel for panel in _panels(runs) if any(panel[1](f) for run in runs for f in run.artifacts.values())]
    figure = new_figure(0.9 + 1.35 * len(panels))
    grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    names = list(dict.fromkeys(name for run in runs for name in run.artifacts))
    grid[-1].set_xlim(-0.5, len(runs) - 0.5)
    for axes, (title, value, of_machine) in zip(grid, panels, strict=True):
        latest, edges = [], []
        for number, name in enumerate(names):
            colour, mark = _LINES[number % len(_LINES)], _MARKS[number % len(_MARKS)]
            for segment in _segments(runs, name, value, of_machine):
                x, middle, low, high = zip(*segment, strict=True)
                axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
                axes.plot(x, middle, color=colour, marker=mark, markersize=4, linewidth=1.4)
                edges += [*low, *high]
                if x[-1] == len(runs) - 1:
                    latest.append((middle[-1], colour))
            axes.plot([], [], color=colour, marker=mark, markersize=4, label=latin(name))
        axes.set_title(latin(title), fontsize=10.5)
        axes.grid(visible=False, axis="x")
        named = axes is grid[0]
        _scale(axes, min(edges), max(edges), not title.endswith("%"), _height_of_names(runs) if named else 0.0)
        _name_latest(axes, latest)
        _mark_updates(axes, runs, named)
    step = -(-len(runs) // _LABELS)
    ticks = list(range(len(runs) - 1, -1, -step))
    shown = [runs[x] for x in ticks]
    labels = [latin(run.commit[:7] if run.commit else run.created[5:10]) for run in shown]  # without a commit, the day
    grid[-1].set_xticks(ticks, labels, fontsize=9)
    figure.legend(
        *grid[0].get_legend_handles_labels(), loc="outside upper left", ncols=min(len(names), 4), fontsize=9.5
    )
    return figure


def _scale(axes: "Axes", low: float, high: float, shares: bool, names: float) -> None:
    """Set the limits, with room for `names` (a share of the height); logarithmic if changes are relative (`shares`)."""
    more = names / (1 - names)
    if shares and low > 0:
        room = max((high / low) ** 0.12, 1.02)
        bottom, top = low / room, high * room * room
        log_axis(axes, "y", bottom, top * (top / bottom) ** more, 2)
    else:
        room = max(0.12 * (high - low), 0.1)
        bottom, top = low - room, high + 2 * room
        axes.set_ylim(bottom, top + more * (top - bottom))


def _name_latest(axes: "Axes", latest: list[tuple[float, str]]) -> None:
    """Write the last run's figures outside the frame, each next to its line, without overlap."""
    axes.figure.figure.canvas.draw()
    lowest = -float("inf")
    for value, colour in sorted(latest):
        here = axes.transData.transform((0, value))[1]
        at = max(here, lowest + _LINE)
        lowest = at
        up = round((at - here) * 72 / axes.figure.figure.dpi)
        label_right(axes, significant(value), value, colour, shift=(5, up), size=9)


def _last_of_each(records: Sequence[Record]) -> Iterator[Record]:
    """Yield the runs; of consecutive runs of one commit, machine and baseline, only the last."""
    for (commit, *_), group in groupby(records, lambda run: (run.commit, run.fingerprint, run.baseline)):
        runs = list(group)
        yield from runs[-1:] if commit else runs


def _panels(runs: Sequence[Record]) -> list[tuple[str, Value, bool]]:
    """Return title, value, and whether the value depends on machine and teacher, per panel."""
    places = [place for run in runs for figures in run.artifacts.values() for place in figures.latency]
    place = str(HEADLINE) if str(HEADLINE) in places else next(iter(places), "")
    metric = next((f.metric for run in runs for f in run.artifacts.values() if f.metric), "score")

    def latency(f: Figures) -> tuple[float, float, float] | None:
        ratio = f.latency.get(place)
        return (ratio.estimate, ratio.low, ratio.high) if ratio else None

    where = f" ({in_words(Place.parse(place))})" if place else ""
    return [
        (f"P50, × the teacher's{where}", latency, True),
        ("own memory, MiB", lambda f: _alone(f.own_mib), True),
        ("on disk, MB", lambda f: _alone(f.bytes, 1e-6), False),
        (f"{metric}, %", lambda f: _alone(f.score, 100), False),
    ]


def _alone(value: float | None, scale: float = 1.0) -> tuple[float, float, float] | None:
    return None if value is None else (scale * value, scale * value, scale * value)


def _segments(
    runs: Sequence[Record], name: str, value: Value, of_machine: bool
) -> Iterator[list[tuple[float, float, float, float]]]:
    """Yield an artifact's points in segments, split at missing and at incomparable runs."""
    segment: list[tuple[float, float, float, float]] = []
    for x, (before, run) in enumerate(pairwise([runs[0], *runs])):
        found = value(run.artifacts[name]) if name in run.artifacts else None
        if segment and (found is None or (of_machine and _apart(before, run))):
            yield segment
            segment = []
        if found:
            segment.append((x, *found))
    if segment:
        yield segment


def _apart(before: Record, now: Record) -> bool:
    return (before.fingerprint, before.reference) != (now.fingerprint, now.reference)


def _signs(before: Record, now: Record) -> list[str]:
    """Return the changes between two runs, of `_SIGNS`."""
    signs = [_SIGNS[0]] if now.baseline and now.baseline != before.baseline else []
    if _apart(before, now):
        signs.append(_SIGNS[1 if before.fingerprint != now.fingerprint else 2])
    return signs


def _height_of_names(runs: Sequence[Record]) -> float:
    """Return the height of the rows of names, as a share of the panel."""
    return _ROW * max((_SIGNS.index(word) + 1 for pair in pairwise(runs) for word in _signs(*pair)), default=0)


def _mark_updates(axes: "Axes", runs: Sequence[Record], named: bool) -> None:
    """Draw vertical lines between two runs: a new baseline, another machine or teacher.

    Each kind has a row of names. A line too close to a named one has no name; its stroke shows its kind.
    """
    ends: dict[str, float] = {}
    for x, (before, now) in enumerate(pairwise(runs)):
        for word in _signs(before, now):
            colour, line = (INK, "-") if word == _SIGNS[0] else (MUTED, ":")
            axes.axvline(x + 0.5, color=colour, linewidth=1, linestyle=line, zorder=1)
            if named and axes.transData.transform((x + 0.5, 0))[0] > ends.get(word, 0.0):
                shift, coordinates = (3, -9 - 11 * _SIGNS.index(word)), ("data", "axes fraction")
                name = annotate(axes, word, (x + 0.5, 1), shift, colour, size=8.5, xycoords=coordinates)
                ends[word] = name.get_window_extent().x1
