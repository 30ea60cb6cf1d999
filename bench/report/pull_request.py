"""`reports/<recipe>.pr.md`: what changed against the baseline, short and narrow enough for a pull request's comment."""

from collections.abc import Collection, Sequence
from itertools import groupby
from pathlib import Path

from pocketbert.bench.records.results import Results
from pocketbert.bench.report.checks import ICONS, Check, checks, counted, why_copies
from pocketbert.bench.report.format.markdown import bullets, code, paragraphs, table, text
from pocketbert.bench.report.format.strip import LEGEND, strip
from pocketbert.bench.report.sections import judged, lead, tested, why

ROWS = 36
"""The largest number of rows in the table; with the other lines the comment has at most 60."""
_REMARKS, _LONGEST = 8, 400


def compose(results: Results, file: Path) -> str:
    """Return the Markdown of the comment.

    Args:
        file: the results file, which commands name.
    """
    found = checks(results)
    shown = [check for check in found if not check.copy][:ROWS]
    hidden = [check for check in found if not check.copy][ROWS:]
    remarks = [*judged.noteworthy(results, found, file), *why.lines(results), *lead.warnings(results, file)]
    more = len(remarks) - _REMARKS
    if more > 0:
        remarks = [*remarks[:_REMARKS], f"and {more} more remarks in the report"]
    return (
        paragraphs(
            heading(results, found),
            tested.undecided_line(results),
            "Only a part was measured." if results.part else "",
            changes(shown, found, results.same_file),
            f"{len(hidden)} more checks, none of them worse than these, are in the report." if hidden else "",
            against_teacher(results),
            bullets(line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…" for line in remarks),
            _legend(found, shown),
        )
        + "\n"
    )


def heading(results: Results, found: Sequence[Check]) -> str:
    """Return the verdict in one line."""
    failing = sum(check.verdict.fails and not check.copy for check in found)
    compared = [check for check in found if check.change is not None]
    unclear = any(check.verdict.outcome == "inconclusive" for check in found)
    recipe = f"pocketbert {text(results.recipe)}"
    if failing:
        return f"### {ICONS['regressed']} {recipe}: {failing} {'check fails' if failing == 1 else 'checks fail'}"
    if not compared:
        return f"### {ICONS['no-baseline']} {recipe}: nothing was compared with a baseline"
    sign = ICONS["inconclusive" if unclear else "ok"]
    rest = ", but not everything could be decided" if unclear else ""
    return f"### {sign} {recipe}: no regression against {code(results.baseline or 'the baseline')}{rest}"


def changes(shown: Sequence[Check], found: Sequence[Check], same_file: Collection[str]) -> str:
    """Write the table of checks: baseline, now, change, limit, and the change as a line of a forest plot.

    Args:
        found: all checks, those that were not repeated among them.
        same_file: artifacts that are the baseline's own file; each has one row for its latency.
    """
    rows: list[list[str]] = []
    limits, told = _limits_of_unchanged(found, same_file), set[str]()
    for artifact, of_artifact in groupby(shown, key=lambda check: check.verdict.artifact):
        for number, check in enumerate(of_artifact):
            name = text(check.name)
            multiples = check.limits
            rows.append(
                [
                    f"{ICONS[check.outcome]} {name}" if number else _first(artifact, check, name),
                    check.baseline,
                    check.now,
                    check.said
                    or (check.verdict.outcome if check.verdict.outcome in ("missing", "no-baseline") else ""),
                    check.allowed,
                    f"`{strip(multiples)}`" if multiples else "",
                ]
            )
        if len(shown) + len(told) < ROWS and artifact in limits and artifact not in told:
            told.add(artifact)
            rows.append([f"{ICONS['ok']} latency", "", "", "same file", limits[artifact], ""])
    return table(["check", "baseline", "now", "change (95 % CI)", "limit", "worse →"], rows)


def _limits_of_unchanged(found: Sequence[Check], same_file: Collection[str]) -> dict[str, str]:
    """Return the latency limit of each artifact of `same_file` whose latency was not repeated."""
    copies = [check for check in found if check.copy and check.verdict.artifact in same_file]
    return {check.verdict.artifact: check.allowed for check in reversed(copies)}


def _first(artifact: str, check: Check, name: str) -> str:
    return f"**{code(artifact)}**<br>{ICONS[check.outcome]} {name}"


def against_teacher(results: Results) -> str:
    """Return one line: how much faster, smaller and worse than the teacher the fastest exported model is."""
    claims, artifact = lead.claims(results)
    return f"Against the teacher, {code(artifact)} is **{', '.join(claims)}**." if claims else ""


def _legend(found: Sequence[Check], shown: Sequence[Check]) -> str:
    parts = [f"{counted(found)}." if found else ""]
    if reasons := why_copies(found):
        parts.append(f"Not repeated: {text(reasons)}.")
    if any(check.limits for check in shown):
        parts.append(f"Plot: {LEGEND}.")
    words = " ".join(filter(None, parts))
    return f"<sub>{words}</sub>" if words else ""
