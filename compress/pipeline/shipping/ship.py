"""The exported files: one per ``[[artifact]]``, made from the last accepted model and verified."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pocketbert.compress.base.files import atomic_write
from pocketbert.compress.base.processes import rank, wait
from pocketbert.compress.exports import file_name
from pocketbert.compress.manifest import Step
from pocketbert.compress.pipeline.cache import step_key
from pocketbert.compress.pipeline.recipe import ArtifactTable
from pocketbert.compress.pipeline.retry import fall_back
from pocketbert.compress.pipeline.shipping.artifact import EXPORTED_TOKENIZER, Export
from pocketbert.compress.pipeline.shipping.verify import verify
from pocketbert.compress.pipeline.steps.step import TOKENIZER, Build, FinishedStep
from pocketbert.compress.runtimes import EMULATED

_LOGITS = "validation.npy"
_SHIPPING = "pocketbert.compress.pipeline.shipping"


def ship(build: Build, source: FinishedStep) -> list[FinishedStep]:
    """Export every ``[[artifact]]`` of the recipe from `source`; returns rejected files too.

    Raises:
        GuardStopped: a file was rejected and the recipe says ``on_fail = "stop"``.
    """
    if rank() == 0:
        with atomic_write(build.root / EXPORTED_TOKENIZER) as temporary:
            shutil.copyfile(source.folder / TOKENIZER, temporary)
    wait()
    return [_artifact(build, table, source) for table in build.recipe.artifacts]


def _artifact(build: Build, table: ArtifactTable, source: FinishedStep) -> FinishedStep:
    """Export one ``[[artifact]]``; where INT8 costs too much, keep as few linear layers in float as possible."""
    done = _export(build, table, source)
    costs = not done.accepted and (done.step.comparison or not done.step.finite)
    if costs and table.precision == "int8" and build.recipe.guard.on_fail == "weaken":
        ranked = _ranked(build, source)
        outcome = fall_back(done, ranked, lambda keep_float: _export(build, table, source, keep_float))
        done = build.record_outcome(done, *outcome)
    build.sweep(f"ship/{done.step.name}~*")
    return done


def _ranked(build: Build, source: FinishedStep) -> list[str]:
    """Rank the linear layers of `source`, the most sensitive to INT8 first; once for all formats and builds."""
    modules = (f"{_SHIPPING}.ranking", "pocketbert.compress.models.modeling_uneven")
    step = Step(name="ranking", kind="ranking", decision="accepted", key=step_key(source.step.key, {}, modules))
    folder, name = build.root / "ranking", "linears.txt"

    def work(out: Path, _: Path) -> Step:
        from pocketbert.compress.pipeline.shipping.ranking import ROWS, rank_linears

        ranked = rank_linears(source.model(), source.tokens.train.inputs.first(ROWS), build.progress)
        (out / name).write_text("\n".join(ranked), encoding="utf-8")
        return step

    build.step(folder, step, work, source)
    return (folder / name).read_text(encoding="utf-8").splitlines()


def _export(build: Build, table: ArtifactTable, source: FinishedStep, keep_float: Sequence[str] = ()) -> FinishedStep:
    """Export one file, verify it against its PyTorch source, and let the guard decide."""
    parameters = table.model_dump() | ({"keep_float": list(keep_float)} if keep_float else {})
    file, export = file_name(table.format, table.precision), Export.of(parameters, build.typed(source))
    key = export.key(source.step.key, parameters, [f"{_SHIPPING}.verify"])
    step = Step(name=export.name, kind="artifact", decision="accepted", parameters=parameters, key=key)

    def work(out: Path, _: Path) -> Step:
        inputs = source.tokens.validation.inputs
        made = verify(source.model(), export, out / file, source.logits, inputs, build.progress)
        if made.logits is None:  # without a key the next build tries again
            return step.model_copy(update={"failed": made.failed, "key": ""})
        np.save(out / _LOGITS, made.logits)
        remarks = [made.note] if made.note else []
        if keep_float:
            remarks.append(f"in float: {', '.join(keep_float)}")
        return step.model_copy(update={"parity": made.parity, "failed": made.failed, "remarks": remarks})

    folder = build.root / "ship" / (f"{export.name}~{key[:8]}" if keep_float else export.name)
    done = build.step(folder, step, work, source)
    reason = f"{file}: {done.step.failed}" if done.step.failed else None
    if (folder / _LOGITS).exists() and export.runtime not in EMULATED:
        return build.decide(done, reason)
    decision = {"decision": "rolled-back", "notes": [reason]} if reason else {}  # no predictions, or too few to compare
    return build.record_decision(done, done.step.model_copy(update=decision))
