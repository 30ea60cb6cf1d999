"""What the test rows can tell: rows that are in train too, unknown tokens, and a split that decides nothing."""

from pocketbert.bench.records.results import Results
from pocketbert.bench.report.format import choose, numbers
from pocketbert.bench.report.format.markdown import code, text

_UNKNOWN = 0.001
"""Share of unknown tokens from which the report names it."""
_OVERLAP = 0.01
"""Share of test rows in train from which the report warns."""


def undecided_line(results: Results) -> str:
    """Return a warning if the test rows cannot tell a good model from a bad one, else nothing."""
    if not results.undecided:
        return ""
    return f"**The test split decides nothing: its examples {text(results.undecided)}, so every model scores alike.**"


def lines(results: Results) -> list[str]:
    """Return a sentence on test rows that are in train too, and one on unknown tokens, where there are any."""
    return list(filter(None, [_overlap(results), _unknown(results)]))


def _overlap(results: Results) -> str:
    scored = [a for a in (choose.headline_artifact(results), choose.reference(results)) if a and a.accuracy]
    total = next((a.accuracy.rows for a in scored if a.accuracy), 0)
    if not results.in_train or not total:
        return ""
    warning = "**Warning:** " if results.in_train > _OVERLAP * total else ""
    share = numbers.percent(results.in_train / total)
    found = f"{warning}{results.in_train:,} of {total:,} test examples ({share}) are in train too, or nearly"
    scores = ", ".join(
        f"{code(a.id)} {text(a.accuracy.metric)} {numbers.percent(a.unseen)}"
        for a in scored
        if a.accuracy and a.unseen is not None
    )
    return f"{found}; on the other {total - results.in_train:,} examples: {scores}." if scores else f"{found}."


def _unknown(results: Results) -> str:
    shares = {a.id: a.unknown_share for a in results.artifacts if a.role != "stage" and a.unknown_share is not None}
    if max(shares.values(), default=0.0) <= _UNKNOWN:
        return ""
    named: dict[str, list[str]] = {}
    for artifact, share in shares.items():
        named.setdefault(numbers.percent(share), []).append(code(artifact))
    each = "; ".join(f"{share} ({', '.join(ids)})" for share, ids in named.items())
    return f"**Unknown tokens in the test texts:** {each}. The stage prune-vocab can keep more characters (`keep`)."
