"""The exported files: one per ``[[artifact]]``, made from the last accepted model, verified and judged."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pocketbert.compress.base.files import atomic_write
from pocketbert.compress.base.processes import rank, wait
from pocketbert.compress.exports import file_name
from pocketbert.compress.manifest import Artifact, Step
from pocketbert.compress.pipeline.cache import step_key
from pocketbert.compress.pipeline.guard import GuardStopped, describe
from pocketbert.compress.pipeline.recipe import ArtifactTable
from pocketbert.compress.pipeline.retry import fall_back
from pocketbert.compress.pipeline.shipping.artifact import Export
from pocketbert.compress.pipeline.shipping.listing import manifest_entry
from pocketbert.compress.pipeline.shipping.verify import verify
from pocketbert.compress.pipeline.steps.step import TOKENIZER, Build, FinishedStep
from pocketbert.compress.runtimes import EMULATED

_EXPORTED_TOKENIZER = "ship/tokenizer.json"
_ANSWERS = "validation.npy"
_SHIPPING = "pocketbert.compress.pipeline.shipping"


def ship(build: Build, source: FinishedStep) -> tuple[list[Step], list[Artifact]]:
    """Export every ``[[artifact]]`` of the recipe from `source`.

    Returns:
        All steps, and the manifest's entries of the accepted ones.

    Raises:
        GuardStopped: a file cost too much and the recipe says ``on_fail = "stop"``.
    """
    if rank() == 0:
        with atomic_write(build.root / _EXPORTED_TOKENIZER) as temporary:
            shutil.copyfile(source.folder / TOKENIZER, temporary)
    wait()
    steps, artifacts = [], []
    for table in build.recipe.artifacts:
        done = _artifact(build, table, source)
        step = done.step
        steps.append(step)
        if step.decision == "accepted":
            path = f"ship/{done.folder.name}/{file_name(table.format, table.precision)}"
            name = Path(path).name
            artifacts.append(manifest_entry(build.root, path, name, "ship", _EXPORTED_TOKENIZER, source, step))
        elif build.recipe.guard.on_fail == "stop":
            raise GuardStopped(describe(step, build.recipe.guard.max_drop))
    return steps, artifacts


def _artifact(build: Build, table: ArtifactTable, source: FinishedStep) -> FinishedStep:
    """Export one ``[[artifact]]``; where INT8 costs too much, keep as few linear layers in float as possible."""
    done = _export(build, table, source)
    visited = {done.folder}
    costs = done.step.decision == "rolled-back" and done.step.comparison
    if costs and table.precision == "int8" and build.recipe.guard.on_fail == "weaken":

        def attempt(keep_float: Sequence[str]) -> FinishedStep:
            found = _export(build, table, source, keep_float)
            visited.add(found.folder)
            return found

        done = build.record_outcome(done, *fall_back(done, _ranked(build, source), attempt))
    for folder in (build.root / "ship").glob(f"{done.step.name}~*"):
        if folder not in visited and rank() == 0:  # of another model, or another rule
            shutil.rmtree(folder)
    return done


def _ranked(build: Build, source: FinishedStep) -> list[str]:
    """Rank all linear layers of `source`, the one that INT8 hurts most first; once for all formats and builds."""
    modules = (f"{_SHIPPING}.ranking", "pocketbert.compress.models.modeling_uneven")
    step = Step(name="ranking", kind="ranking", decision="accepted", key=step_key(source.step.key, {}, modules))

    def work(out: Path, _: Path) -> Step:
        from pocketbert.compress.pipeline.shipping.ranking import ROWS, rank_linears

        ranked = rank_linears(source.model(), source.tokens.train.inputs.first(ROWS), build.progress)
        (out / "linears.txt").write_text("\n".join(ranked), encoding="utf-8")
        return step

    done = build.step(build.root / "ranking", step, work, source.tokens)
    return (done.folder / "linears.txt").read_text(encoding="utf-8").splitlines()


def _export(build: Build, table: ArtifactTable, source: FinishedStep, keep_float: Sequence[str] = ()) -> FinishedStep:
    """Export one file, verify it against its PyTorch source, and judge it."""
    parameters = table.model_dump() | ({"keep_float": list(keep_float)} if keep_float else {})
    export, file = Export.of(parameters, source.tokens.validation.inputs), file_name(table.format, table.precision)
    key = export.key(source.step.key, parameters, [f"{_SHIPPING}.verify"])
    step = Step(name=export.name, kind="artifact", decision="accepted", parameters=parameters, key=key)

    def work(out: Path, _: Path) -> Step:
        made = verify(source.model(), export, out / file, source.logits, source.tokens, build.progress)
        if made.logits is None:  # without a key it is tried again by the next build
            return step.model_copy(update={"failed": made.failed, "key": ""})
        np.save(out / _ANSWERS, made.logits)
        remarks = [made.note] if made.note else []
        if keep_float:
            remarks.append(f"in float: {', '.join(keep_float)}")
        return step.model_copy(update={"parity": made.parity, "failed": made.failed, "remarks": remarks})

    folder = build.root / "ship" / (f"{export.name}~{key[:8]}" if keep_float else export.name)
    done = build.step(folder, step, work, source.tokens)
    reason = f"{file}: {done.step.failed}" if done.step.failed else None
    if not (folder / _ANSWERS).exists():
        rolled_back = done.step.model_copy(update={"decision": "rolled-back", "notes": [reason]})
        return build.record_decision(replace(done, step=rolled_back))
    if export.runtime in EMULATED:  # a handful of answers is too few to judge by
        decision = {"decision": "rolled-back", "notes": [reason]} if reason else {}
        return build.record_decision(replace(done, step=done.step.model_copy(update=decision)))
    return build.judge(done, reason)
