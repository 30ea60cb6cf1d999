"""The gate's verdicts, the paired timings behind them, and the prediction flips."""

from collections import Counter
from pathlib import Path

from pocketbert.bench.records.results import Results, Verdict
from pocketbert.bench.report.format import numbers
from pocketbert.bench.report.format.choose import impossible_here, in_words
from pocketbert.bench.report.format.markdown import bullets, code, paragraphs, quoted, table, text
from pocketbert.compress.base.files import as_typed

UNFOLDED = ("regressed", "missing", "inconclusive")
_FEW = 3
"""The largest number of inconclusive verdicts that get a line each on the first screen."""


def noteworthy(results: Results, file: Path) -> list[str]:
    """Return lines on verdicts that fail or are inconclusive, and on how to accept figures without a baseline."""
    lines: list[str] = []
    for outcome in UNFOLDED:
        found = [v for v in results.verdicts if v.outcome == outcome and not impossible_here(v)]
        heads = [f"{v.metric} {outcome}:" for v in found]
        each = [f"**{head}** {text(v.message.removeprefix(head))}" for head, v in zip(heads, found, strict=True)]
        lines += each if outcome != "inconclusive" or len(found) <= _FEW else [_many(found)]
    if gone := dict.fromkeys(v.profile for v in results.verdicts if impossible_here(v) and v.profile):
        lines.append(f"**not possible here**, though in the baseline: latency {', '.join(map(text, gone))}")
    new = [v for v in results.verdicts if v.gated and v.outcome == "no-baseline" and v.why != "other-machine"]
    if new:
        some = "" if len(new) == len(results.verdicts) else " for some quantities (listed below)"
        command = code(f"pocketbert baseline update {as_typed(file)}")
        lines.append(f"**no baseline** yet{some}; accept these figures with {command}")
    return lines


def _many(unclear: list[Verdict]) -> str:
    """Summarize many inconclusive verdicts in one line; the table of all verdicts lists them one by one."""
    cells: dict[str, list[str]] = {}
    for v in unclear:
        cells.setdefault(code(v.artifact), []).append(text(v.profile or v.metric))
    metrics = " and ".join(dict.fromkeys(v.metric for v in unclear))
    where = "; ".join(f"{artifact} {', '.join(places)}" for artifact, places in cells.items())
    return (
        f"**{metrics} inconclusive:** too wide an interval for the threshold, listed with all verdicts below: {where}"
    )


def verdicts(results: Results) -> str:
    """Write the table of all verdicts, and below it the reasons for missing baselines."""
    rows = [
        [
            _outcome(v.outcome),
            v.metric,
            code(v.artifact),
            text(v.profile or ""),
            numbers.figure(v.metric, v.baseline),
            numbers.figure(v.metric, v.measured),
            interval(v),
            f"{numbers.points(v.threshold)} points" if v.metric == "accuracy" else f"+{numbers.percent(v.threshold)}",
        ]
        for v in results.verdicts
    ]
    headers = ["verdict", "metric", "artifact", "profile/length", "baseline", "measured", "interval", "threshold"]
    uncompared = [v for v in results.verdicts if v.outcome == "no-baseline" and results.baseline]
    return paragraphs(table(headers, rows, words=4), bullets(_reasons(uncompared)))


def _reasons(uncompared: list[Verdict]) -> list[str]:
    """Return the reasons why these verdicts have no baseline, one line per reason."""
    groups: dict[str, list[Verdict]] = {}
    for verdict in uncompared:
        groups.setdefault(verdict.note or verdict.message, []).append(verdict)
    return [
        f"{' and '.join(dict.fromkeys(v.metric for v in same))} of "
        f"{', '.join(code(name) for name in dict.fromkeys(v.artifact for v in same))}: {text(reason)}"
        for reason, same in groups.items()
    ]


def verdict_counts(results: Results) -> str:
    """Return ``9 ok, 1 improved``, counted over all verdicts, gated or not."""
    return ", ".join(f"{n} {outcome}" for outcome, n in Counter(v.outcome for v in results.verdicts).most_common())


def paired(results: Results) -> str:
    """Write the table of paired timings: each exported model and the baseline's file, side by side."""
    rows = [
        [
            code(p.artifact),
            text(in_words(p.place, results)),
            _outcome(p.outcome),
            numbers.arrow(p.change) + numbers.change(p.change),
            numbers.arrow(p.change_p90) + numbers.change(p.change_p90),
            str(len(p.logs)),
            numbers.percent(p.preempted),
            numbers.duration(p.seconds),
        ]
        for p in results.paired
    ]
    headers = ["artifact", "where", "verdict", "change of P50", "change of P90", "pairs", "runs that lost their core"]
    reasons = [f"{code(name)} was not timed beside it: {text(why)}" for name, why in results.unpaired.items()]
    reasons += [f"{code(name)} is the baseline's very file, with the same libraries" for name in results.same_file]
    return paragraphs(table([*headers, "took"], rows, words=3), bullets(reasons))


def flipped(results: Results) -> str:
    """Write the tables of prediction flips: rows that turned from right to wrong and back."""
    blocks = []
    for f in results.flips:
        rows = [
            [word, f"{row.row:,}", quoted(row.label), quoted(row.text)]
            for word, listed in (("lost", f.lost_rows), ("won", f.won_rows))
            for row in listed
        ]
        head = f"{code(f.artifact)} against {text(f.against)}: {f.lost} rows lost, {f.won} won; the first of each:"
        if f.lost or f.won:
            blocks += [head, table(["", "test row", "right label", "text"], rows, words=4)]
    return paragraphs(*blocks)


def interval(verdict: Verdict) -> str:
    """Format a verdict's interval: of the latency ratio, or of the accuracy drop; other metrics have none."""
    if (found := verdict.interval) is None:
        return ""
    if verdict.metric == "accuracy":
        return f"drop {numbers.points_between(found.low, found.high)}"
    return f"{numbers.significant(found.low)} to {numbers.significant(found.high)}"


def _outcome(outcome: str) -> str:
    return f"**{outcome}**" if outcome in UNFOLDED else outcome
