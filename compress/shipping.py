"""What ships: files exported from the last accepted model, and the manifest that lists them beside every stage."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from compress.cache import step_key
from compress.data import write_test
from compress.exports import FORMATS, INPUTS, file_name
from compress.exports.export import Export
from compress.exports.verify import verify
from compress.fallback import fall_back
from compress.files import whole, write_json
from compress.guard import GuardStopped, describe
from compress.manifest import Artifact, LinearControl, Manifest, Step, TaskSpec, digest, files_of
from compress.processes import rank, wait
from compress.recipe import ArtifactTable
from compress.runtimes import ELSEWHERE
from compress.workbench import TOKENIZER, Done, Workbench

Role = Literal["reference", "stage", "ship"]
_REFERENCE = "teacher-fp32.torch"
_SHIPPED_TOKENIZER = "ship/tokenizer.json"
_ANSWERS = "validation.npy"
_TEST = "data/test.parquet"


def ship(bench: Workbench, source: Done) -> tuple[list[Step], list[Artifact]]:
    """Every ``[[artifact]]`` of the recipe, made from `source`: all steps, and what the guard let through.

    Raises:
        GuardStopped: a file cost too much and the recipe says ``on_fail = "stop"``.
    """
    if rank() == 0:
        with whole(bench.root / _SHIPPED_TOKENIZER) as temporary:
            shutil.copyfile(source.folder / TOKENIZER, temporary)
    wait()
    steps, artifacts = [], []
    for table in bench.recipe.artifacts:
        done = _artifact(bench, table, source)
        step = done.step
        steps.append(step)
        if step.decision == "accepted":
            path = f"ship/{done.folder.name}/{file_name(table.format, table.precision)}"
            artifacts.append(_entry(bench.root, path, Path(path).name, "ship", _SHIPPED_TOKENIZER, source, step))
        elif bench.recipe.guard.on_fail == "stop":
            raise GuardStopped(describe(step, bench.recipe.guard.max_drop))
    return steps, artifacts


def _artifact(bench: Workbench, table: ArtifactTable, source: Done) -> Done:
    """One ``[[artifact]]``; where INT8 costs too much, with as few Linears in float as will do."""
    done = _export(bench, table, source)
    visited = {done.folder}
    costs = done.step.decision == "rolled-back" and done.step.comparison
    if costs and table.precision == "int8" and bench.recipe.guard.on_fail == "weaken":

        def attempt(keep_float: Sequence[str]) -> Done:
            found = _export(bench, table, source, keep_float)
            visited.add(found.folder)
            return found

        done = bench.settle(done, *fall_back(done, _ranked(bench, source), attempt))
    for folder in (bench.root / "ship").glob(f"{done.step.name}~*"):
        if folder not in visited and rank() == 0:  # of another model, or another rule
            shutil.rmtree(folder)
    return done


def _ranked(bench: Workbench, source: Done) -> list[str]:
    """All Linears of `source`, the one that INT8 hurts most first; ranked once for all formats and builds."""
    key = step_key(source.step.key, {}, ["exports/ranking.py", "modeling.py", "tasks/encoding.py"])
    step = Step(name="ranking", kind="ranking", decision="accepted", key=key)

    def work(out: Path, _: Path) -> Step:
        from compress.exports.ranking import ROWS, rank_linears

        rows = source.tokens.train.inputs.first(ROWS)
        ranked = rank_linears(source.model(), rows, source.tokens.padding, bench.progress)
        (out / "linears.txt").write_text("\n".join(ranked), encoding="utf-8")
        return step

    done = bench.step(bench.root / "ranking", step, work, source.tokens)
    return (done.folder / "linears.txt").read_text(encoding="utf-8").splitlines()


def _export(bench: Workbench, table: ArtifactTable, source: Done, keep_float: Sequence[str] = ()) -> Done:
    """One file: exported, verified against its PyTorch source, judged."""
    inputs = (*INPUTS, *(["token_type_ids"] if source.tokens.validation.inputs.types else []))
    export = Export(table.format, table.precision, inputs, keep_float)
    name, file = f"{table.format}-{table.precision}", file_name(table.format, table.precision)
    parameters = table.model_dump() | ({"keep_float": list(keep_float)} if keep_float else {})
    key = export.key(source.step.key, parameters, ["exports/verify.py", "tasks/encoding.py"])
    step = Step(name=name, kind="artifact", decision="accepted", parameters=parameters, key=key)

    def work(out: Path, _: Path) -> Step:
        made = verify(source.model(), export, out / file, source.logits, source.tokens, bench.progress)
        if made.logits is None:  # without a key it is tried again by the next build
            return step.model_copy(update={"failed": made.failed, "key": ""})
        np.save(out / _ANSWERS, made.logits)
        remarks = [made.note] if made.note else []
        if keep_float:
            remarks.append(f"in float: {', '.join(keep_float)}")
        return step.model_copy(update={"parity": made.parity, "failed": made.failed, "remarks": remarks})

    folder = bench.root / "ship" / (f"{name}~{key[:8]}" if keep_float else name)
    done = bench.step(folder, step, work, source.tokens)
    reason = f"{file}: {done.step.failed}" if done.step.failed else None
    if not (folder / _ANSWERS).exists():
        rolled_back = done.step.model_copy(update={"decision": "rolled-back", "notes": [reason]})
        return bench.keep(replace(done, step=rolled_back))
    if export.runtime in ELSEWHERE:  # a handful of answers is none to judge by
        decision = {"decision": "rolled-back", "notes": [reason]} if reason else {}
        return bench.keep(replace(done, step=done.step.model_copy(update=decision)))
    return bench.judge(done, reason)


def _entry(root: Path, path: str, artifact_id: str, role: Role, tokenizer: str, source: Done, step: Step) -> Artifact:
    """The manifest's entry for what lies at `path` below `root`."""
    target = root / path
    return Artifact(
        id=artifact_id,
        role=role,
        runtime=FORMATS[step.parameters.get("format", "torch")].runtime,
        path=path,
        tokenizer=tokenizer,
        precision=step.parameters.get("precision", "fp32"),
        sha256=digest(target),
        bytes=sum(file.stat().st_size for _, file in files_of(target)),
        parameters=source.step.measured["parameters_left"],
        macs=source.step.measured["macs_128"],
        made_from=source.step.name,
        parity=step.parity,
    )


def write_manifest(
    bench: Workbench,
    command: str,
    steps: list[Step],
    stages: Sequence[Done],
    shipped: list[Artifact],
    control: LinearControl | None,
) -> Manifest:
    """List teacher, accepted `stages` and what ships, with the rows to score them on.

    Args:
        command: what the user typed, for the record.
        steps: all there were, rejected ones too.
    """
    root = bench.root
    if rank() == 0:
        write_test(bench.texts, root / _TEST)
    wait()
    task = bench.texts.task
    models: list[Artifact] = []
    for done in [bench.teacher, *stages]:
        folder = f"stages/{done.folder.name}"
        role: Role = "reference" if done is bench.teacher else "stage"
        name = _REFERENCE if role == "reference" else f"{done.step.name}.torch"
        entry = _entry(root, f"{folder}/model", name, role, f"{folder}/{TOKENIZER}", done, done.step)
        if done.step.kind == "sparsify":
            entry = entry.model_copy(update={"dense": next(a.id for a in reversed(models) if a.dense is None)})
        models.append(entry)
    read = {artifact.tokenizer for artifact in [*models, *shipped]} | {_TEST}
    if control:
        read.add(control.test_answers)
    manifest = Manifest(
        schema=1,
        recipe=bench.recipe.name,
        task=TaskSpec(kind=task.kind, labels=task.labels, max_length=task.max_length, test=_TEST),
        reference=_REFERENCE,
        artifacts=[*models, *shipped],
        max_drop=bench.recipe.guard.max_drop,
        confidence=bench.recipe.guard.confidence,
        command=command,
        steps=steps,
        linear_control=control,
        files={name: digest(root / name) for name in sorted(read)},
    )
    if rank() == 0:
        write_json(root / "manifest.json", manifest)
        shutil.rmtree(root / ".scratch", ignore_errors=True)
    return manifest
