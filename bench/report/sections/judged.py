"""The gate's checks, the paired timings behind them, and the prediction flips."""

from collections.abc import Sequence
from pathlib import Path

from pocketbert.bench.records.results import FlippedRow, Results
from pocketbert.bench.report.checks import ICONS, Check
from pocketbert.bench.report.format import numbers
from pocketbert.bench.report.format.choose import duplicates, impossible_here, in_words
from pocketbert.bench.report.format.markdown import bullets, code, paragraphs, quoted, table, text
from pocketbert.compress.base.files import as_typed

_FEW = 3
"""The largest number of inconclusive checks that get a line each."""
_ROWS = 8
"""Flipped rows that are listed per direction; the HTML page has more."""


def noteworthy(results: Results, found: Sequence[Check], file: Path) -> list[str]:
    """Return lines on checks whose table row does not say everything: missing, inconclusive, without a baseline."""
    real = [check.verdict for check in found if not check.copy]
    lines: list[str] = []
    for outcome in ("missing", "inconclusive"):
        same = [v for v in real if v.outcome == outcome and not impossible_here(v)]
        heads = [f"{v.metric} {outcome}:" for v in same]
        if outcome == "missing" or len(same) <= _FEW:
            pairs = zip(heads, same, strict=True)
            lines += [f"**{head}** {text(v.message.removeprefix(head))}" for head, v in pairs]
    if gone := dict.fromkeys(v.profile for v in results.verdicts if impossible_here(v) and v.profile):
        lines.append(f"**not possible here**, though in the baseline: latency {', '.join(map(text, gone))}")
    new = [v for v in real if v.outcome == "no-baseline" and v.why != "other-machine"]
    if new:
        some = "" if len(new) == len(real) else " for some figures (listed below)"
        command = code(f"pocketbert baseline update {as_typed(file)}")
        lines.append(f"**no baseline** yet{some}; accept these figures with {command}")
    return lines


def every_check(found: Sequence[Check], baseline: bool) -> str:
    """Write the table of all checks but copies, and below it the reasons for missing baselines."""
    rows = [
        [
            f"{ICONS[check.outcome]} {check.outcome}",
            code(check.verdict.artifact),
            text(check.name),
            check.baseline,
            check.now,
            check.said,
            check.allowed,
        ]
        for check in found
        if not check.copy
    ]
    headers = ["verdict", "artifact", "check", "baseline", "now", "change (95 % CI)", "limit"]
    uncompared = [check for check in found if check.verdict.outcome == "no-baseline" and baseline]
    return paragraphs(table(headers, rows, words=3), bullets(_reasons(uncompared)))


def _reasons(uncompared: Sequence[Check]) -> list[str]:
    """Return the reasons why these checks have no baseline, one line per reason."""
    groups: dict[str, list[Check]] = {}
    for check in uncompared:
        groups.setdefault(check.verdict.note or check.verdict.message, []).append(check)
    return [
        f"{' and '.join(dict.fromkeys(check.verdict.metric for check in same))} of "
        f"{', '.join(code(name) for name in dict.fromkeys(check.verdict.artifact for check in same))}: {text(reason)}"
        for reason, same in groups.items()
    ]


def paired(results: Results) -> str:
    """Write the table of paired timings: each exported model and the baseline's file, side by side."""
    copies = duplicates(results)
    rows = [
        [
            code(p.artifact),
            text(in_words(p.place, results)),
            f"{ICONS[p.outcome]} {p.outcome}",
            numbers.change(p.change),
            numbers.change(p.change_p90),
            f"+{100 * p.limit:.3g} %",
            str(len(p.logs)),
            numbers.percent(p.preempted),
            numbers.duration(p.seconds),
        ]
        for p in results.paired
        if p.profile not in copies
    ]
    headers = ["artifact", "profile, length", "verdict", "P50 (95 % CI)", "P90 (95 % CI)", "limit", "pairs"]
    reasons = [f"{code(name)} was not timed side by side: {text(why)}" for name, why in results.unpaired.items()]
    reasons += [
        f"{code(name)} is the baseline's own file, with the same libraries: not timed" for name in results.same_file
    ]
    return paragraphs(table([*headers, "preempted runs", "took"], rows, words=3), bullets(reasons))


def flipped(results: Results) -> str:
    """Write the tables of prediction flips: rows that turned from right to wrong and back."""
    blocks = []
    for f in results.flips:
        listed = [
            (word, row)
            for word, rows in (("now wrong", f.lost_rows), ("now right", f.won_rows))
            for row in rows[:_ROWS]
        ]
        if f.lost or f.won:
            blocks.append(
                f"{code(f.artifact)} against {text(f.against)}: {f.lost:,} negative flips (now wrong), {f.won:,} "
                "positive flips (now right); the first of each:"
            )
            blocks.append(_rows(listed))
    return paragraphs(*blocks)


def _rows(listed: Sequence[tuple[str, FlippedRow]]) -> str:
    headers, rows = ["", "test row", "right label"], [[word, f"{r.row:,}", quoted(r.label)] for word, r in listed]
    if any(row.text for _, row in listed):
        headers, rows = [*headers, "text"], [[*row, quoted(r.text)] for row, (_, r) in zip(rows, listed, strict=True)]
    return table(headers, rows, words=len(headers))
