"""Evidence for a regression: a line per regressed artifact on the first screen, tables in the details."""

from pocketbert.bench.records.results import Changed, Results, Why
from pocketbert.bench.report.format.markdown import bullets, code, paragraphs, table, text
from pocketbert.bench.report.format.numbers import MINUS, file_size, significant

_FIRST = 2
"""Changes of each kind that are named on the first screen."""
_LISTED = 15


def lines(results: Results) -> list[str]:
    """Return one line per artifact: the costliest changes of each kind."""
    return [f"**what changed inside** {code(why.artifact)}: {text(summary(why))}" for why in results.why]


def summary(why: Why) -> str:
    """Return the costliest changes of each kind, as plain text."""
    parts = []
    for kind, changes in why.evidence.items():
        named = ", ".join(_phrase(change) for change in changes[:_FIRST])
        more = len(changes) - _FIRST
        parts.append(f"{kind}: {named}" + (f" and {more} more" if more > 0 else ""))
    if not parts and why.silent:
        return f"not looked into: {'; '.join(why.silent)}"
    return "; ".join(parts) or "nothing was found that tells"


def tables(results: Results) -> str:
    """Write the tables of all changes by kind, and the reasons for missing evidence."""
    blocks = []
    for why in results.why:
        blocks.append(f"{code(why.artifact)}, {' and '.join(why.metrics)} regressed:")
        for kind, changes in why.evidence.items():
            rows = [[text(c.what), text(c.was), text(c.now), cost(c)] for c in changes[:_LISTED]]
            blocks.append(table([text(kind), "before", "now", "more"], rows, words=3))
            if len(changes) > _LISTED:
                blocks.append(f"and {len(changes) - _LISTED} more that cost less.")
        blocks.append(bullets(f"not looked into: {text(reason)}" for reason in why.silent))
    return paragraphs(*blocks)


def cost(change: Changed) -> str:
    """Format the cost of a change with sign and unit: ``+0.353 ms``, ``−1.20 MB``."""
    if change.cost is None:
        return ""
    size = significant(abs(change.cost)) + " ms" if change.unit == "ms" else file_size(round(abs(change.cost)))
    return f"{MINUS if change.cost < 0 else '+'}{size}"


def _phrase(change: Changed) -> str:
    if change.was and change.now:
        said = f"{change.what} {change.was} → {change.now}"
    else:
        said = f"{change.what} {'new, ' + change.now if change.now else 'gone, was ' + change.was}"
    return f"{said} ({cost(change)})" if change.cost is not None else said
