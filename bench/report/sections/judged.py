"""What the gate said: its verdicts, what they rest on, and the rows that flipped."""

from collections import Counter
from pathlib import Path

from pocketbert.bench.records.results import Results, Verdict
from pocketbert.bench.report.format.choose import absent, foreign, names, spoken
from pocketbert.bench.report.format.markdown import code, quoted, table, text
from pocketbert.bench.report.format.numbers import (
    arrow,
    change,
    duration,
    file_size,
    mebibytes,
    percent,
    points,
    points_between,
    significant,
    times,
)
from pocketbert.compress.base.files import as_typed

UNFOLDED = ("regressed", "missing", "inconclusive")
_FEW = 3
"""Inconclusive verdicts that are each worth a line on the first screen."""


def noteworthy(results: Results, file: Path) -> str:
    """The gated verdicts that fail or are unclear, one line each, and what to do about missing baselines."""
    lines: list[str] = []
    for outcome in UNFOLDED:
        found = [v for v in results.verdicts if v.outcome == outcome and not absent(v)]
        lines += map(_line, found) if outcome != "inconclusive" or len(found) <= _FEW else [_many(found)]
    if gone := dict.fromkeys(v.profile for v in results.verdicts if absent(v) and v.profile):
        lines.append(f"- **not possible here**, though in the baseline: latency {', '.join(map(text, gone))}")
    new = [v for v in results.verdicts if v.gated and v.outcome == "no-baseline" and not foreign(v)]
    if new:
        some = "" if len(new) == len(results.verdicts) else " for some quantities (listed below)"
        lines.append(
            f"- **no baseline** yet{some}; accept these figures with "
            f"{code(f'pocketbert baseline update {as_typed(file)}')}"
        )
    return "\n".join(lines)


def _many(unclear: list[Verdict]) -> str:
    """One line for all that are inconclusive: they fail nothing, and the table of all verdicts has each."""
    cells: dict[str, list[str]] = {}
    for v in unclear:
        cells.setdefault(code(v.artifact), []).append(text(v.profile or v.metric))
    metrics = " and ".join(dict.fromkeys(v.metric for v in unclear))
    where = "; ".join(f"{artifact} {', '.join(places)}" for artifact, places in cells.items())
    return (
        f"- **{metrics} inconclusive:** too wide an interval for the threshold, listed with all verdicts below: {where}"
    )


def verdicts(results: Results) -> str:
    """Every verdict, each figure in the unit of its metric; below the table why one has no baseline or figure."""
    rows = [
        [
            f"**{v.outcome}**" if v.outcome in UNFOLDED else v.outcome,
            v.metric,
            code(v.artifact),
            text(v.profile or ""),
            figure(v, v.baseline),
            figure(v, v.measured),
            interval(v),
            f"{points(v.threshold)} points" if v.metric == "accuracy" else f"+{percent(v.threshold)}",
        ]
        for v in results.verdicts
    ]
    headers = ["verdict", "metric", "artifact", "profile/length", "baseline", "measured", "interval", "threshold"]
    whys = _reasons([v for v in results.verdicts if v.outcome == "no-baseline" and results.baseline])
    return "\n\n".join([table(headers, rows, words=4), *(["\n".join(whys)] if whys else [])]) if rows else ""


def _reasons(unjudged: list[Verdict]) -> list[str]:
    """Why these have no baseline, once for all that share a reason."""
    groups: dict[str, list[Verdict]] = {}
    for verdict in unjudged:
        groups.setdefault(verdict.note or verdict.message, []).append(verdict)
    return [
        f"- {' and '.join(dict.fromkeys(v.metric for v in same))} of "
        f"{', '.join(code(name) for name in dict.fromkeys(v.artifact for v in same))}: {text(reason)}"
        for reason, same in groups.items()
    ]


def verdict_counts(results: Results) -> str:
    """``9 ok, 1 improved``, over all verdicts, gated or not."""
    return ", ".join(f"{n} {outcome}" for outcome, n in Counter(v.outcome for v in results.verdicts).most_common())


def paired(results: Results) -> str:
    """Each shipped artifact beside the baseline's: what its latency verdicts rest on."""
    rows = [
        [
            code(p.artifact),
            text(spoken(names(results, p.profile), p.length)),
            f"**{p.outcome}**" if p.outcome in UNFOLDED else p.outcome,
            arrow(p.change) + change(p.change),
            arrow(p.change_p90) + change(p.change_p90),
            str(len(p.logs)),
            percent(p.preempted),
            duration(p.seconds),
        ]
        for p in results.paired
    ]
    headers = ["artifact", "where", "verdict", "change of P50", "change of P90", "pairs", "runs that lost their core"]
    whys = [f"- {code(name)} was not timed beside it: {text(why)}" for name, why in results.unpaired.items()]
    whys += [f"- {code(name)} is the baseline's very file, with the same libraries" for name in results.same_file]
    return "\n\n".join(filter(None, [table([*headers, "took"], rows, words=3) if rows else "", "\n".join(whys)]))


def flipped(results: Results) -> str:
    """Rows that turned from right to wrong and back."""
    blocks = []
    for f in results.flips:
        if not (f.lost or f.won):
            continue
        rows = [
            [word, f"{row.row:,}", quoted(row.label), quoted(row.text)]
            for word, listed in (("lost", f.lost_rows), ("won", f.won_rows))
            for row in listed
        ]
        head = f"{code(f.artifact)} against {text(f.against)}: {f.lost} rows lost, {f.won} won; the first of each:"
        blocks.append(f"{head}\n\n{table(['', 'test row', 'right label', 'text'], rows, words=4)}")
    return "\n\n".join(blocks)


def _line(verdict: Verdict) -> str:
    head = f"{verdict.metric} {verdict.outcome}:"
    return f"- **{head}** {text(verdict.message.removeprefix(head))}"


def figure(verdict: Verdict, value: float | None) -> str:
    """A verdict's figure: latency as a share of the teacher's P50, memory in MiB, bytes, metric in percent."""
    if value is None:
        return ""
    if verdict.metric == "latency":
        return times(value)
    if verdict.metric == "memory":
        return mebibytes(value)
    return percent(value) if verdict.metric == "accuracy" else file_size(round(value))


def interval(verdict: Verdict) -> str:
    """A verdict's interval: of the ratio for latency, of the drop for accuracy; the other metrics have none."""
    if (found := verdict.interval) is None:
        return ""
    if verdict.metric == "accuracy":
        return f"drop {points_between(found.low, found.high)}"
    return f"{significant(found.low)} to {significant(found.high)}"
