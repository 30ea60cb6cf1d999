"""What ships: files exported from the last accepted model, and the manifest that lists them beside every stage."""

import shutil
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Literal

import numpy as np

from compress.cache import step_key
from compress.data import write_test
from compress.exports import FORMATS, INPUTS, file_name
from compress.exports.verify import complaint, verify
from compress.files import whole, write_json
from compress.guard import GuardStopped, describe
from compress.manifest import Artifact, LinearControl, Manifest, Step, TaskSpec, digest, files_of
from compress.processes import rank, wait
from compress.recipe import ArtifactTable
from compress.workbench import TOKENIZER, Done, Workbench

Role = Literal["reference", "stage", "ship"]
_REFERENCE = "teacher-fp32.torch"
_SHIPPED_TOKENIZER = "ship/tokenizer.json"
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
        step = _export(bench, table, source)
        steps.append(step)
        if step.decision == "accepted":
            path = f"ship/{step.name}/{file_name(table.format, table.precision)}"
            artifacts.append(_entry(bench.root, path, Path(path).name, "ship", _SHIPPED_TOKENIZER, source, step))
        elif bench.recipe.guard.on_fail == "stop":
            raise GuardStopped(describe(step, bench.recipe.guard.max_drop))
    return steps, artifacts


def _export(bench: Workbench, table: ArtifactTable, source: Done) -> Step:
    """One file: exported, verified against its PyTorch source, judged."""
    name = f"{table.format}-{table.precision}"
    module = import_module(f"compress.exports.{table.format}")
    runtime, file = FORMATS[table.format].runtime, file_name(table.format, table.precision)
    sources = [f"exports/{table.format}.py", "exports/plain.py", "exports/verify.py", f"runtimes/{runtime}.py"]
    key = step_key(
        source.step.key,
        table.model_dump(),
        [*sources, "exports/half.py", "modeling.py", "quantized.py", "tasks/encoding.py"],
    )
    step = Step(name=name, kind="artifact", decision="accepted", parameters=table.model_dump(), key=key)

    def work(out: Path, _: Path) -> Step:
        inputs = source.tokens.validation.inputs
        names = (*INPUTS, *(["token_type_ids"] if inputs.types else []))
        note = module.export(source.model(), out / file, table.precision, names)
        with bench.progress.work(f"verifying {file}", len(inputs)) as bar:
            logits, parity = verify(runtime, out / file, table.precision, source.logits, source.tokens, bar.advance)
        np.save(out / "validation.npy", logits)
        return step.model_copy(update={"parity": parity, "remarks": [note] if note else []})

    done = bench.step(bench.root / "ship" / name, step, work, source.tokens)
    reason = complaint(done.step.parity, table.precision) if done.step.parity else None
    return bench.judge(done, f"{file}: {reason}" if reason else None).step


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
    models = []
    for done in [bench.teacher, *stages]:
        folder = f"stages/{done.folder.name}"
        role: Role = "reference" if done is bench.teacher else "stage"
        name = _REFERENCE if role == "reference" else f"{done.step.name}.torch"
        models.append(_entry(root, f"{folder}/model", name, role, f"{folder}/{TOKENIZER}", done, done.step))
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
