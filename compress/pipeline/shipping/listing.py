"""Writes the manifest: teacher, accepted stages and exported files, with the rows to score them on."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pocketbert.compress.base.files import digest, files_of, write_json
from pocketbert.compress.base.processes import rank, wait
from pocketbert.compress.data.texts import write_test
from pocketbert.compress.exports import FORMATS
from pocketbert.compress.manifest import Artifact, LinearControl, Manifest, Step, TaskSpec
from pocketbert.compress.pipeline.steps.step import TOKENIZER, Build, FinishedStep

Role = Literal["reference", "stage", "ship"]
_REFERENCE = "teacher-fp32.torch"
_TEST = "data/test.parquet"


def manifest_entry(
    root: Path, path: str, artifact_id: str, role: Role, tokenizer: str, source: FinishedStep, step: Step
) -> Artifact:
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
    build: Build,
    command: str,
    steps: list[Step],
    stages: Sequence[FinishedStep],
    shipped: list[Artifact],
    control: LinearControl | None,
) -> Manifest:
    """List teacher, accepted `stages` and what ships, with the rows to score them on.

    Args:
        command: what the user typed, for the record.
        steps: all there were, rejected ones too.
    """
    root = build.root
    if rank() == 0:
        write_test(build.texts, root / _TEST)
    wait()
    task = build.texts.task
    models: list[Artifact] = []
    for done in [build.teacher, *stages]:
        folder = f"stages/{done.folder.name}"
        role: Role = "reference" if done is build.teacher else "stage"
        name = _REFERENCE if role == "reference" else f"{done.step.name}.torch"
        entry = manifest_entry(root, f"{folder}/model", name, role, f"{folder}/{TOKENIZER}", done, done.step)
        if done.step.kind == "sparsify":
            entry = entry.model_copy(update={"dense": next(a.id for a in reversed(models) if a.dense is None)})
        models.append(entry)
    read = {artifact.tokenizer for artifact in [*models, *shipped]} | {_TEST}
    if control:
        read.add(control.test_answers)
    manifest = Manifest(
        schema=1,
        recipe=build.recipe.name,
        task=TaskSpec(kind=task.kind, labels=task.labels, max_length=task.max_length, test=_TEST),
        reference=_REFERENCE,
        artifacts=[*models, *shipped],
        max_drop=build.recipe.guard.max_drop,
        confidence=build.recipe.guard.confidence,
        command=command,
        steps=steps,
        linear_control=control,
        files={name: digest(root / name) for name in sorted(read)},
    )
    if rank() == 0:
        write_json(root / "manifest.json", manifest)
        shutil.rmtree(root / ".scratch", ignore_errors=True)
    return manifest
