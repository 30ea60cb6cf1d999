"""What weights set to 0 buy, a smaller deflated bundle, and what they do not: time."""

from collections.abc import Iterator

from pocketbert.bench.records.results import Results, Weighed
from pocketbert.bench.report.format.markdown import code
from pocketbert.bench.report.format.numbers import file_size, percent, quantity, signed_percent
from pocketbert.compress.manifest import Step


def line(results: Results) -> str:
    """How many there are, what they took off each bundle, and that no dense kernel is faster for them; else nothing."""
    bought = "; ".join(_bought(results))
    if not bought:
        return ""
    untimed = [f"{code(a.id)} takes the time of {code(a.dense)}" for a in results.artifacts if a.dense]
    return (
        f"**Zeros:** {bought}. On disk they save nothing, and no dense kernel is faster for them: {', '.join(untimed)} "
        "and is not timed again."
    )


def shipped(results: Results) -> bool:
    """Whether what ships was made from a model with weights set to 0."""
    return any(step.kind == "sparsify" and step.decision == "accepted" for step in results.steps)


def share(step: Step) -> float | None:
    """Of the weights after a step, those that are 0; None where they were not counted."""
    zeros, weights = (step.measured.get(key) for key in ("zeros", "parameters_left"))
    return None if zeros is None or not weights else zeros / weights


def speed(artifact: Weighed) -> str:
    """In place of a timing that zeros have none of: whose it is."""
    return f"as {artifact.dense}" if artifact.dense else ""


def _bought(results: Results) -> Iterator[str]:
    known = {a.id: a for a in results.artifacts}
    steps = {step.name: step for step in results.steps}
    for a in results.artifacts:
        dense = known.get(a.dense) if a.dense else None
        if a.size and dense and dense.size:
            yield f"{code(a.id)}{_counted(steps.get(a.made_from or ''))} deflates to " + _against(
                a.size.deflated_bytes, dense.size.deflated_bytes, code(dense.id)
            )
        if a.size and a.dense_deflated_bytes:
            yield f"{code(a.id)} to " + _against(a.size.deflated_bytes, a.dense_deflated_bytes, "the same without them")


def _counted(step: Step | None) -> str:
    if step is None or (found := share(step)) is None:
        return ""
    return f" ({percent(found)} of {quantity(step.measured['parameters_left'])} weights)"


def _against(now: int, before: int, what: str) -> str:
    return f"{file_size(now)}, {signed_percent(now / before - 1)} against {what}"
