"""Writes docs/verdicts.md and its picture from the record."""

from collections import Counter
from math import exp
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from pocketbert.bench.machine.fingerprint import read_machine
from pocketbert.bench.report.plots.style import new_figure, save, style
from pocketbert.bench.stats.sequential import LOOKS, SIDE, change
from pocketbert.compress.base.files import atomic_write
from studies.shared.page import fill_blocks, markdown_table
from studies.verdicts.columns import LENGTH, LIMIT, PROFILE, Column, columns
from studies.verdicts.record import Record
from studies.verdicts.replay import Rates, in_order, resampled
from studies.verdicts.rivals import asv, pytest_benchmark

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OUTCOMES = ("ok", "improved", "inconclusive", "regressed")
_TOOK = ("median pairs", "median s", "most s")
_RESAMPLED = 1000
_COLOURS = {"correct": "#2a9d8f", "inconclusive": "#b8b8b8", "wrong": "#d1495b"}


def write_page(record: Record, rebuilt: list[dict[str, Any]], path: Path, limit: float = LIMIT) -> None:
    """Fill in the tables of a study at +`limit`, and draw ``<name>.svg`` next to the page; begin a page that is new.

    What is written by hand on the page stays. The table of the builds stays as well if none were made.
    """
    if not path.is_file():
        _begin(path, limit)
    every = _by_size(limit)
    machine = read_machine()
    blocks = {
        "machine": f"Machine: {machine.cpu}, {machine.cores} cores, {', '.join(machine.flags)}; "
        f"onnxruntime {machine.versions.get('onnxruntime')}. Profile `{PROFILE}`, {LENGTH} tokens."
        + _missing(record, every),
        "truth": _truth(record, every),
        "live": _live(record, every),
        "replayed": _replayed(record, every),
        "rivals": _rivals(record, limit),
    }
    fill_blocks(path, blocks | ({"builds": _rebuilt(rebuilt)} if rebuilt else {}))
    _draw(record, limit, path.with_suffix(".svg"))


def _begin(path: Path, limit: float) -> None:
    """Write a page with headings and empty blocks."""
    parts = [
        "# How often the gate is wrong",
        _INTRODUCTION,
        _block("machine"),
        "The INT8 student of `recipes/offline.toml`. Made by `python -m studies.verdicts` after `pocketbert build "
        f"recipes/offline.toml`; every pair and live verdict is in [{path.stem}.jsonl.xz]({path.stem}.jsonl.xz).",
        f"![share of correct, inconclusive and wrong verdicts]({path.stem}.svg)",
        f"## The measured slow-downs\n\n{_block('truth')}",
        f"## Live verdicts\n\n{_LIVE}\n\n{_block('live')}",
        f"## Replayed verdicts\n\n{_REPLAYED}\n\n{_block('replayed')}",
        f"## The same runs by other tools' rules\n\n{_RIVALS.format(limit=limit)}\n\n{_block('rivals')}",
        f"## Ten builds in which nothing got worse\n\n{_block('builds', 'Not run.')}",
    ]
    with atomic_write(path) as temporary:
        temporary.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _block(name: str, content: str = "") -> str:
    return f"<!-- {name} -->\n{content}\n<!-- end of {name} -->"


_INTRODUCTION = """\
This page reports how often the gate raises false alarms, and how often it misses real slow-downs. In an *A/A*
comparison (0 %) a file is compared with itself. The slower files do more work inside their graph: a matrix product
whose result is added to the logits with a weight of 1e-30. *Busy* means that two more processes multiply matrices on
the same two cores without pause."""
_LIVE = "Each one is taken by the gate's own code, from fresh processes to the verdict, with default settings."
_REPLAYED = f"""\
The gate's rule is applied to the recorded pairs again (those of the live verdicts among them). *In order*: each pair is
used once, so the verdicts are nearly independent, and the 95 % interval is Clopper and Pearson's. *Resampled*:
{_RESAMPLED} sequences of random blocks of 4 neighbouring pairs; they share pairs, so there is no interval."""
_RIVALS = f"""\
pytest-benchmark's `--benchmark-compare-fail=median:{{limit:.0%}}` compares a run with a stored one: it gets the wall
times of {LOOKS[0]} pairs, and those of the {LOOKS[0]} pairs before. asv reports a slow-down of more than 1.1 times with
p < 0.002 (Mann and Whitney). It gets both sides of the same {LOOKS[0]} interleaved pairs and is run twice: with its
default factor of 1.1, and with our limit as its factor. An error is `regressed` where the slow-down is below
{{limit:.0%}}, or `ok` where it is above; the column at the limit is left out of the mean."""


def _by_size(limit: float) -> list[Column]:
    """Return the columns of a study, sorted by slow-down under each load."""
    return sorted(columns(limit), key=lambda column: (column.busy, column.slow_down))


def _missing(record: Record, every: list[Column]) -> str:
    """Return a sentence about the columns that an interrupted study has not recorded yet."""
    missing = [column.name for column in every if column.name not in record.live]
    return f" Not recorded yet: {', '.join(missing)}." if missing else ""


def _truth(record: Record, every: list[Column]) -> str:
    rows = []
    for column in every:
        if not (pairs := record.pairs.get(column.recording)):
            continue
        logs = [pair["p50"] for pair in pairs]
        found = change(logs)
        spread = (fmean(log * log for log in logs) - fmean(logs) ** 2) ** 0.5
        rows.append(
            [
                column.recording,
                len(logs),
                f"{found.estimate:+.2%} ({100 * found.low:+.2f} to {100 * found.high:+.2f})",
                f"{exp(spread) - 1:.2%}",
                f"{fmean(pair['preempted'] for pair in pairs):.0%}",
                f"{median(pair['seconds'] for pair in pairs):.2f}",
            ]
        )
    headers = [
        "column",
        "pairs",
        f"measured slow-down ({100 * (1 - 2 * SIDE / len(LOOKS)):.1f} % CI)",
        "SD between pairs",
        "preempted runs",
        "s per pair",
    ]
    return markdown_table(headers, rows)


def _live(record: Record, every: list[Column]) -> str:
    rows = []
    for column in every:
        if not (verdicts := record.live.get(column.name)):
            continue
        rates = Rates(
            Counter(verdict["outcome"] for verdict in verdicts),
            [verdict["pairs"] for verdict in verdicts],
            [verdict["seconds"] for verdict in verdicts],
        )
        rows.append([column.name, rates.total, *(rates.shown(outcome) for outcome in OUTCOMES), *rates.took()])
    return markdown_table(["column", "verdicts", *OUTCOMES, *_TOOK], rows)


def _replayed(record: Record, every: list[Column]) -> str:
    rows = []
    for column in every:
        if not (pairs := record.pairs.get(column.recording)):
            continue
        order, again = in_order(pairs, column.limit), resampled(pairs, column.limit, _RESAMPLED)
        shares = (f"{again.share(outcome):.1%}" for outcome in OUTCOMES)
        outcomes = [order.shown(outcome) for outcome in OUTCOMES]
        rows.append([column.name, order.total, *outcomes, *order.took(), " / ".join(shares)])
    headers = ["column", "in order", *OUTCOMES, *_TOOK, f"resampled: {' / '.join(OUTCOMES)}"]
    return markdown_table(headers, rows)


def _rivals(record: Record, limit: float) -> str:
    rows: list[list[str]] = []
    sums = dict.fromkeys(_rules([], limit), 0.0)
    for column in _by_size(limit):
        if not (pairs := record.pairs.get(column.recording)):
            continue
        cells = []
        for name, rates in _rules(pairs, limit).items():
            error = errors(column, rates)
            if error is None:
                cells.append(f"regressed {rates.shown('regressed')}")
            else:
                cells.append(rates.shown(_wrong(column)))
                sums[name] += error if rates.total else 0.0
        wrong = "–" if column.slow_down == column.limit else _wrong(column)
        rows.append([column.recording, wrong, *cells])
    counted = sum(row[1] != "–" for row in rows) or 1
    rows.append(["**mean error rate**", "", *(f"**{total / counted:.1%}**" for total in sums.values())])
    return markdown_table(["column", "the error is", *sums], rows)


def _rules(pairs: list[dict[str, Any]], limit: float) -> dict[str, Rates]:
    return {
        "pocketbert": in_order(pairs, limit),
        "pytest-benchmark": pytest_benchmark(pairs, limit),
        "asv": asv(pairs),
        f"asv --factor {1 + limit:g}": asv(pairs, 1 + limit),
    }


def _wrong(column: Column) -> str:
    """Return the outcome that would be an error."""
    return "ok" if column.slow_down > column.limit else "regressed"


def errors(column: Column, rates: Rates) -> float | None:
    """Return the share of wrong verdicts; None if the slow-down equals the threshold."""
    if column.slow_down == column.limit:
        return None
    return rates.share(_wrong(column))


def _rebuilt(verdicts: list[dict[str, Any]]) -> str:
    metrics = dict.fromkeys(verdict["metric"] for verdict in verdicts)
    rows = []
    for metric in metrics:
        counts = Counter(v["outcome"] for v in verdicts if v["metric"] == metric)
        rows.append([metric, counts.total(), *(counts[outcome] for outcome in (*OUTCOMES, "no-baseline", "missing"))])
    red = [f"- seed {v['seed']}: {v['message']}" for v in verdicts if v["outcome"] == "regressed"]
    builds = len({verdict["seed"] for verdict in verdicts})
    text = f"`recipes/smoke.toml` built {builds + 1} times with other seeds; each build compared with the first."
    table = markdown_table(["metric", "verdicts", *OUTCOMES, "no-baseline", "missing"], rows)
    return "\n\n".join(filter(None, [text, table, "\n".join(red)]))


def _draw(record: Record, limit: float, path: Path) -> None:
    """Draw one bar per slow-down and rule, split into correct, inconclusive and wrong verdicts."""
    shown = [c for c in _by_size(limit) if record.pairs.get(c.recording) and c.slow_down != c.limit]
    if not shown:
        return
    with style():
        figure = _bars(record, shown, limit)
        description = (
            "One panel for the idle and one for the busy machine. One bar per slow-down and rule: the shares of "
            "correct, inconclusive and wrong verdicts."
        )
        save(figure, path, "Correct, inconclusive and wrong verdicts by slow-down and rule", description)


def _bars(record: Record, shown: list[Column], limit: float) -> "Figure":
    slow_downs, loads = sorted({c.slow_down for c in shown}), sorted({c.busy for c in shown})
    rules = list(_rules([], limit))
    figure = new_figure(0.9 + 0.2 * len(slow_downs) * (len(rules) + 2))
    panels = figure.subplots(1, len(loads), sharey=True, squeeze=False)[0]
    for panel, busy in zip(panels, loads, strict=True):
        panel.set_title("busy machine" if busy else "idle machine")
        panel.set_xlim(0, 100)
        panel.grid(axis="y", visible=False)
        panel.tick_params(axis="y", length=0)
        panel.set_xlabel("share of verdicts, %")
    for column in shown:
        panel, begin = panels[loads.index(column.busy)], slow_downs.index(column.slow_down) * (len(rules) + 2)
        for row, rates in enumerate(_rules(record.pairs[column.recording], limit).values(), start=1):
            left = 0.0
            for kind, share in _kinds(column, rates).items():
                panel.barh(begin + row, 100 * share, left=left, height=0.8, color=_COLOURS[kind])
                left += 100 * share
    labels: dict[int, str] = {}
    for place, slow_down in enumerate(slow_downs):
        begin = place * (len(rules) + 2)
        labels[begin] = f"{100 * slow_down:g} % slower" if slow_down else "equal files"
        labels |= {begin + row: name for row, name in enumerate(rules, start=1)}
    panels[0].set_yticks(list(labels), list(labels.values()))
    for label in panels[0].get_yticklabels():
        if label.get_text() not in rules:
            label.set_fontweight("bold")
    panels[0].invert_yaxis()
    handles = [panels[0].barh(0, 0, color=color, label=kind) for kind, color in _COLOURS.items()]
    figure.legend(handles=handles, ncols=3, loc="outside upper center", frameon=False)
    return figure


def _kinds(column: Column, rates: Rates) -> dict[str, float]:
    """Return the shares of correct, inconclusive and wrong verdicts."""
    wrong, open_ = errors(column, rates) or 0.0, rates.share("inconclusive")
    return {"correct": 1 - wrong - open_, "inconclusive": open_, "wrong": wrong}
