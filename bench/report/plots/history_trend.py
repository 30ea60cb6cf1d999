"""How each metric went from commit to commit, with the baseline's updates marked."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from pocketbert.bench.records.history import Figures, Record
from pocketbert.bench.report.format.choose import HEADLINE, spoken
from pocketbert.bench.report.format.numbers import significant
from pocketbert.bench.report.plots.style import INK, MUTED, latin, log_height, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN = 40
"""Runs, the latest ones; several of one commit on one machine count as their last."""
_LABELS = 12
_LINES = ("#c8480a", "#1b4f8f", "#2f7d4f", "#7a3e9d", "#8a6d00", "#59636e")
_MARKS = "osD^vP"
_LINE = 13.0  # pixels
_ROW = 0.15  # of a panel's height: a row of names
_SIGNS = ("new baseline", "other machine", "other teacher")
Value = Callable[[Figures], tuple[float, float, float] | None]
"""Figure of an artifact with the ends of its interval."""


def draw(records: Sequence[Record]) -> "Figure | None":
    """The picture, or None when there are fewer than two runs to show."""
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
    grid[-1].set_xticks(ticks, [_label(runs[x]) for x in ticks], fontsize=9)
    figure.legend(
        *grid[0].get_legend_handles_labels(), loc="outside upper left", ncols=min(len(names), 4), fontsize=9.5
    )
    return figure


def _scale(axes: "Axes", low: float, high: float, shares: bool, names: float) -> None:
    """Room below, above and for `names`, a share of the height; logarithmic where a change is a share of the figure."""
    more = names / (1 - names)
    if shares and low > 0:
        room = max((high / low) ** 0.12, 1.02)
        bottom, top = low / room, high * room * room
        log_height(axes, bottom, top * (top / bottom) ** more)
    else:
        room = max(0.12 * (high - low), 0.1)
        bottom, top = low - room, high + 2 * room
        axes.set_ylim(bottom, top + more * (top - bottom))


def _name_latest(axes: "Axes", latest: list[tuple[float, str]]) -> None:
    """The last run's figures, outside the frame, each beside its line and none over another."""
    axes.figure.figure.canvas.draw()
    lowest = -float("inf")
    for value, colour in sorted(latest):
        here = axes.transData.transform((0, value))[1]
        at = max(here, lowest + _LINE)
        lowest = at
        axes.annotate(
            significant(value),
            (1, value),
            xycoords=("axes fraction", "data"),
            xytext=(5, round((at - here) * 72 / axes.figure.figure.dpi)),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=colour,
            annotation_clip=False,
        )


def _last_of_each(records: Sequence[Record]) -> Iterator[Record]:
    """Of neighbouring runs of one commit on one machine against one baseline, the last; others stand for themselves."""
    for now, following in pairwise([*records, None]):
        if now is None:
            return
        same = following and (now.commit, now.fingerprint, now.baseline) == (
            following.commit,
            following.fingerprint,
            following.baseline,
        )
        if now.commit is None or not same:
            yield now


def _panels(runs: Sequence[Record]) -> list[tuple[str, Value, bool]]:
    """Title, value, and whether the value belongs to a machine and a teacher."""
    places = [place for run in runs for figures in run.artifacts.values() for place in figures.latency]
    place = "/".join(HEADLINE) if "/".join(HEADLINE) in places else next(iter(places), "")
    metric = next((f.metric for run in runs for f in run.artifacts.values() if f.metric), "score")

    def latency(f: Figures) -> tuple[float, float, float] | None:
        ratio = f.latency.get(place)
        return (ratio.estimate, ratio.low, ratio.high) if ratio else None

    where = f" ({spoken(*place.split('/'))})" if place else ""
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
    """The points of an artifact, cut where one is missing or where what follows cannot be compared."""
    segment: list[tuple[float, float, float, float]] = []
    before: Record | None = None
    for x, run in enumerate(runs):
        found = value(run.artifacts[name]) if name in run.artifacts else None
        apart = before is not None and (before.fingerprint, before.reference) != (run.fingerprint, run.reference)
        if segment and (found is None or (of_machine and apart)):
            yield segment
            segment = []
        if found:
            segment.append((x, *found))
        before = run
    if segment:
        yield segment


def _signs(before: Record, now: Record) -> list[str]:
    """What lies between two runs, of `_SIGNS`."""
    signs = [_SIGNS[0]] if now.baseline and now.baseline != before.baseline else []
    if (before.fingerprint, before.reference) != (now.fingerprint, now.reference):
        signs.append(_SIGNS[1 if before.fingerprint != now.fingerprint else 2])
    return signs


def _height_of_names(runs: Sequence[Record]) -> float:
    """The share of a panel's height that the rows of names take."""
    return _ROW * max((_SIGNS.index(word) + 1 for pair in pairwise(runs) for word in _signs(*pair)), default=0)


def _mark_updates(axes: "Axes", runs: Sequence[Record], named: bool) -> None:
    """Upright lines between two runs: a new baseline, another machine or teacher.

    Each kind has a row of names; a line too near to one that is named goes without, its stroke tells what it is.
    """
    ends: dict[str, float] = {}
    for x, (before, now) in enumerate(pairwise(runs)):
        for word in _signs(before, now):
            colour, line = (INK, "-") if word == _SIGNS[0] else (MUTED, ":")
            axes.axvline(x + 0.5, color=colour, linewidth=1, linestyle=line, zorder=1)
            if named and axes.transData.transform((x + 0.5, 0))[0] > ends.get(word, 0.0):
                name = axes.annotate(
                    word,
                    (x + 0.5, 1),
                    xycoords=("data", "axes fraction"),
                    xytext=(3, -9 - 11 * _SIGNS.index(word)),
                    textcoords="offset points",
                    fontsize=8.5,
                    color=colour,
                )
                ends[word] = name.get_window_extent().x1


def _label(run: Record) -> str:
    """The commit, or the day, of a run."""
    return run.commit[:7] if run.commit else run.created[5:10]
