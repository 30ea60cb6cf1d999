"""How much zeros shrink the zipped file: exports the dense model as well and compares the deflated sizes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pocketbert.compress.base.files import deflated_bytes, files_of
from pocketbert.compress.exports import FORMATS
from pocketbert.compress.manifest import Step
from pocketbert.compress.pipeline.shipping.artifact import Export
from pocketbert.compress.pipeline.shipping.calibration import choose
from pocketbert.compress.pipeline.steps.step import Build, FinishedStep


def dense_sizes(build: Build, models: Sequence[FinishedStep], exports: Sequence[FinishedStep]) -> dict[str, int]:
    """Measure what each quantized file would take deflated without the zeros of the last stages: file name -> bytes.

    Nothing is measured unless the last stage set zeros. Float files are left out: the checkpoints show the same.

    Args:
        models: the teacher and every accepted stage, in order.
        exports: the exported files, rejected ones too.
    """
    dense = last_dense(models)
    if dense is models[-1]:
        return {}
    made = [done.step.parameters for done in exports if done.accepted and done.step.parameters["precision"] != "fp32"]
    return {Export.of(each, typed=False).file: _deflated(build, each, dense) for each in made}


def last_dense(models: Sequence[FinishedStep]) -> FinishedStep:
    """Return the last accepted step before the sparsify stages."""
    return next(done for done in reversed(models) if done.step.kind != "sparsify")


def _deflated(build: Build, made: dict[str, Any], dense: FinishedStep) -> int:
    """Return the deflated bytes of the file that is `made` in the same way from `dense`; the file is not kept."""
    calibrated = FORMATS[made["format"]].calibrated
    export = Export.of(made, build.typed(dense), choose(dense.tokens.train) if calibrated else None)
    key = export.key(dense.step.key, made)
    step = Step(name=f"{export.name} without zeros", kind="dense", decision="accepted", parameters=made, key=key)

    def work(_: Path, scratch: Path) -> Step:
        file = scratch / export.file
        export.write(dense.model(), file)
        size = sum(deflated_bytes(part) for _, part in files_of(file))
        return step.model_copy(update={"measured": {"deflated_bytes": size}})

    return build.step(build.root / "dense" / export.name, step, work, dense).step.measured["deflated_bytes"]
