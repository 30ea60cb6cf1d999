"""The effect of weights set to 0: a smaller compressed size, and the same latency."""

from collections.abc import Iterator

from pocketbert.bench.records.results import Results
from pocketbert.bench.report.format.markdown import code
from pocketbert.bench.report.format.numbers import file_size, percent, quantity, signed_percent
from pocketbert.compress.manifest import Step


def line(results: Results) -> str:
    """Return the share of zeros and the change in compressed size of each artifact; nothing without zeros."""
    sizes = "; ".join(_sizes(results))
    if not sizes:
        return ""
    untimed = [f"{code(a.id)} has the latency of {code(a.dense)}" for a in results.artifacts if a.dense]
    not_timed = f": {', '.join(untimed)}, and is not timed" if untimed else ""
    return (
        f"**Zeros:** {sizes}. The size on disk and the latency are those of the dense model, since dense kernels run "
        f"zeros at the same speed{not_timed}."
    )


def shipped(results: Results) -> bool:
    """Return whether the exported models were made from a model with weights set to 0."""
    return any(step.kind == "sparsify" and step.decision == "accepted" for step in results.steps)


def share(step: Step) -> float | None:
    """Return the share of zeros in the weights after a step, or None if they were not counted."""
    zeros, weights = (step.measured.get(key) for key in ("zeros", "parameters_left"))
    return None if zeros is None or not weights else zeros / weights


def _sizes(results: Results) -> Iterator[str]:
    known = {a.id: a for a in results.artifacts}
    steps = {step.name: step for step in results.steps}
    for a in results.artifacts:
        dense = known.get(a.dense) if a.dense else None
        if a.size and dense and dense.size:
            yield f"{code(a.id)}{_share_of_weights(steps.get(a.made_from or ''))} is " + _change(
                a.size.deflated_bytes, dense.size.deflated_bytes, code(dense.id)
            )
        if a.size and a.dense_deflated_bytes:
            yield f"{code(a.id)} is " + _change(a.size.deflated_bytes, a.dense_deflated_bytes, "the file without zeros")


def _share_of_weights(step: Step | None) -> str:
    if step is None or (found := share(step)) is None:
        return ""
    return f" ({percent(found)} of {quantity(step.measured['parameters_left'])} weights)"


def _change(now: int, before: int, against: str) -> str:
    return f"{file_size(now)} zipped, {signed_percent(now / before - 1)} against {against}"
