"""Writes the manifest: teacher, accepted stages and exported files, with the rows to score them on."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pocketbert.compress.base.files import digest, files_of, write_json
from pocketbert.compress.base.processes import rank, wait
from pocketbert.compress.data.findings import Findings
from pocketbert.compress.data.texts import write_test
from pocketbert.compress.exports import FORMATS
from pocketbert.compress.manifest import Artifact, LinearControl, Manifest, Recorded, TaskSpec
from pocketbert.compress.pipeline.cache import SCRATCH
from pocketbert.compress.pipeline.shipping.artifact import EXPORTED_TOKENIZER, Export
from pocketbert.compress.pipeline.shipping.ship import REQUIRED_OPERATORS
from pocketbert.compress.pipeline.steps.step import TOKENIZER, Build, FinishedStep

_REFERENCE = "teacher-fp32.torch"
_TEST = "data/test.jsonl"


def write_manifest(
    build: Build,
    command: str,
    steps: Sequence[FinishedStep],
    models: Sequence[FinishedStep],
    dense: Mapping[str, int],
    control: LinearControl | None,
    found: Findings,
) -> Manifest:
    """Write `manifest.json` and the test rows.

    Args:
        command: the command line, for the record.
        steps: all stages and exported files, rejected ones too.
        models: the teacher and every accepted stage, in order.
        dense: name of an exported file -> its deflated bytes without zeros.
        found: which test rows are in train.
    """
    root, task, rule = build.root, build.texts.task, build.recipe.guard
    if rank() == 0:
        write_test(build.texts, root / _TEST, found.test_seen > 0)
    wait()
    artifacts: list[Artifact] = []
    for done in models:
        entry: dict[str, Any] = {"id": _REFERENCE, "role": "reference"}
        if artifacts:
            entry = {"id": f"{done.step.name}.torch", "role": "stage"}
        if done.step.kind == "sparsify":
            entry["dense"] = next(a.id for a in reversed(artifacts) if a.dense is None)
        artifacts.append(manifest_entry(root, done.folder / "model", done.folder / TOKENIZER, done, done, **entry))
    beside: list[str] = []
    for done in [done for done in steps if done.step.kind == "artifact" and done.accepted]:
        name = Export.of(done.step.parameters, typed=False).file
        if max(done.step.parameters.get("lengths") or [task.max_length]) < task.max_length:  # not for all test rows
            beside.append((done.folder / name).relative_to(root).as_posix())
            continue
        entry = {"id": name, "role": "ship", "dense_deflated_bytes": dense.get(name)}
        path, tokenizer = done.folder / name, root / EXPORTED_TOKENIZER
        artifacts.append(manifest_entry(root, path, tokenizer, models[-1], done, **entry))
    if any(table.ort for table in build.recipe.artifacts):
        beside.append(REQUIRED_OPERATORS)
    tokenizers = {artifact.tokenizer for artifact in artifacts}
    read = {_TEST, *beside, *tokenizers, *([control.test_answers] if control else [])}
    manifest = Manifest(
        schema=1,
        recipe=build.recipe.name,
        task=TaskSpec(kind=task.kind, labels=task.labels, max_length=task.max_length, test=_TEST),
        reference=_REFERENCE,
        artifacts=artifacts,
        max_drop=rule.max_drop,
        confidence=rule.confidence,
        command=command,
        steps=[done.step for done in steps],
        linear_control=control,
        recorded=[Recorded(**table.model_dump()) for table in build.recipe.recorded],
        files={name: digest(root / name) for name in sorted(read)},
    )
    if rank() == 0:
        write_json(root / "manifest.json", manifest)
        with suppress(OSError):  # it holds trainings that a build of another recipe has begun
            (root / SCRATCH).rmdir()
    return manifest


def manifest_entry(
    root: Path, path: Path, tokenizer: Path, model: FinishedStep, made: FinishedStep, **entry: Any
) -> Artifact:
    """Return the manifest's entry for the file or folder at `path`.

    Args:
        root: folder of the manifest.
        model: the step whose PyTorch model it is, or was made from.
        made: the step that wrote it.
        entry: further fields, `id` and `role` among them.
    """
    parameters = made.step.parameters
    lengths = list(parameters.get("lengths", ()))
    return Artifact(
        runtime=FORMATS[parameters.get("format", "torch")].runtime,
        path=path.relative_to(root).as_posix(),
        tokenizer=tokenizer.relative_to(root).as_posix(),
        precision=parameters.get("precision", "fp32"),
        sha256=digest(path),
        bytes=sum(file.stat().st_size for _, file in files_of(path)),
        parameters=model.step.measured["parameters_left"],
        macs=model.step.measured["macs_128"],
        positions=max(lengths) if lengths else model.step.measured.get("positions"),
        lengths=lengths,
        made_from=model.step.name,
        parity=made.step.parity,
        min_runtime=made.step.min_runtime,
        **entry,
    )
