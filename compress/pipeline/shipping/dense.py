"""How much zeros shrink the zipped file: exports the dense model as well and compares the deflated sizes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pocketbert.compress.base.files import deflated_bytes, files_of
from pocketbert.compress.exports import file_name
from pocketbert.compress.manifest import Artifact, Step
from pocketbert.compress.pipeline.shipping.artifact import Export
from pocketbert.compress.pipeline.steps.step import Build, FinishedStep


def with_dense_sizes(
    build: Build, accepted: Sequence[FinishedStep], steps: Sequence[Step], shipped: list[Artifact]
) -> list[Artifact]:
    """`shipped` with what each quantized file would take deflated without the zeros of the last stages.

    Nothing is made where the last stage set none. A float file needs none: the checkpoints of the stages say as much.

    Args:
        accepted: the teacher and every accepted stage, in order.
        steps: how the shipped files were made.
    """
    dense = last_dense(accepted)
    if dense is accepted[-1]:
        return shipped
    sizes = {
        file_name(made["format"], made["precision"]): _deflated(build, made, dense)
        for step in steps
        if step.decision == "accepted" and (made := step.parameters)["precision"] != "fp32"
    }
    return [a.model_copy(update={"dense_deflated_bytes": sizes.get(a.id)}) for a in shipped]


def last_dense(accepted: Sequence[FinishedStep]) -> FinishedStep:
    """Return the last accepted step before the sparsify stages."""
    return next(done for done in reversed(accepted) if done.step.kind != "sparsify")


def _deflated(build: Build, made: dict[str, Any], dense: FinishedStep) -> int:
    """Bytes of the file that is `made` in the same way from `dense`, deflated; the file itself is not kept."""
    export = Export.of(made, dense.tokens.validation.inputs)
    key = export.key(dense.step.key, made)
    step = Step(name=f"{export.name} without zeros", kind="dense", decision="accepted", parameters=made, key=key)

    def work(_: Path, scratch: Path) -> Step:
        file = scratch / file_name(export.format, export.precision)
        export.write(dense.model(), file)
        size = sum(deflated_bytes(part) for _, part in files_of(file))
        return step.model_copy(update={"measured": {"deflated_bytes": size}})

    return build.step(build.root / "dense" / export.name, step, work, dense.tokens).step.measured["deflated_bytes"]
