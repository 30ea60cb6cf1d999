"""The manifest: the artifacts of a build, and how to score them. Written by `compress`, read by `bench`.

Paths are relative to the manifest's folder and must stay inside it. Every file is checked against its SHA-256 before
it is opened. Importing this module loads neither torch nor transformers.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveInt

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import digest, read_json
from pocketbert.compress.base.paths import DOCUMENT, check_file, exists
from pocketbert.compress.base.strict import FileName, Share, Strict
from pocketbert.compress.models.families import positions
from pocketbert.compress.tasks import Outcomes, Task
from pocketbert.compress.tasks.paired import Drop

SCHEMA = 1
Input = Literal["input_ids", "attention_mask", "token_type_ids"]
"""The name of an input of a model."""


class Parity(Strict):
    """The distance of an artifact from its PyTorch source on real rows; `largest` is the source's largest absolute
    logit.

    `entity_agreement` is, for taggers, F1 of the artifact's entities with the source's as gold; None if neither
    predicts any.
    """

    max_abs_logit: float = Field(allow_inf_nan=True)  # NaN if a logit is; no such file is kept
    largest: float = 0.0
    label_agreement: Share
    entity_agreement: Share | None = None
    rows: int = Field(gt=0)


class Artifact(Strict):
    """One file or folder (such as a Hugging Face checkpoint) that can be measured.

    `dense` names the artifact that this one is a sparse copy of. Dense kernels need the same time for both, so a sparse
    copy is not timed. `dense_deflated_bytes` is the zipped size of an exported file without the zeros.

    `positions` is the number of tokens of the longest text that it reads; latency is not measured at longer lengths. Of
    a Hugging Face folder `load_manifest` reads it in config.json if it is not given. `lengths` are those of a file that
    pads each text to the next of them; empty: any length. The last of them counts as `positions` if none are given.

    `min_runtime` names the oldest runtime, and its version, that opens the file, as far as it is known.

    `inputs` maps all input names of a foreign file to ours, in its order. If a format has no input names (``.pte``),
    the order alone counts.
    """

    id: str
    role: Literal["reference", "stage", "ship"]
    runtime: str
    path: str
    tokenizer: str
    precision: str = "fp32"
    inputs: dict[str, Input] | None = None
    sha256: str | None = None
    bytes: int | None = Field(None, gt=0)
    parameters: int | None = Field(None, gt=0)
    macs: int | None = Field(None, gt=0)
    positions: int | None = Field(None, gt=0)
    lengths: list[PositiveInt] = []
    min_runtime: str | None = None
    made_from: str | None = None
    parity: Parity | None = None
    dense: str | None = None
    dense_deflated_bytes: int | None = None


class TaskSpec(Strict):
    """The task of the artifacts and their test rows; `test` is a JSON Lines file, as `{"text": "好", "label": 1}`."""

    kind: str
    labels: list[str]
    max_length: int = Field(ge=3)  # two of them are special
    test: str


class Comparison(Strict):
    """A model's metric compared with a reference's on the same rows; the drop has the interval `low` to `high`."""

    metric: str
    value: Share
    reference: Share
    drop: float = Field(ge=-1, le=1)
    low: float
    high: float
    rows: int = Field(gt=0)
    confidence: float = Field(gt=0, lt=1)

    @classmethod
    def of(
        cls,
        task: Task,
        gold: Sequence[Any],
        reference: NDArray[np.float32],
        candidate: NDArray[np.float32],
        confidence: float,
    ) -> Self:
        """Compare two models' logits on the same rows, (answers, labels) each, by the task's paired interval."""
        value = task.scores(candidate, gold)[task.metric]
        return cls.scored(task, gold, reference, task.outcomes(candidate, gold), value, confidence)

    @classmethod
    def scored(
        cls,
        task: Task,
        gold: Sequence[Any],
        reference: NDArray[np.float32],
        candidate: Outcomes,
        value: float,
        confidence: float,
    ) -> Self:
        """Compare like `of`, if only the outcomes and the metric `value` of the candidate are known."""
        drop = task.drop(task.outcomes(reference, gold), candidate, confidence)
        return cls(
            metric=task.metric,
            value=value,
            reference=task.scores(reference, gold)[task.metric],
            drop=drop.estimate,
            low=drop.low,
            high=drop.high,
            rows=drop.rows,
            confidence=confidence,
        )

    def as_drop(self) -> Drop:
        """Return the drop with its interval."""
        return Drop(self.drop, self.low, self.high, self.rows)

    @property
    def change(self) -> str:
        """The change, negative is worse, with its interval: ``-0.38 pp (95 % CI -0.89 to +0.12)``."""
        change, low, high = (f"{-100 * drop + 0.0:+.2f}" for drop in (self.drop, self.high, self.low))
        return f"{change} pp ({100 * self.confidence:.3g} % CI {low} to {high})"


class Try(Strict):
    """One attempt at a stage, at one strength; the layers in `spare` kept their full width.

    Or one attempt at an INT8 or INT4 file, with the linear layers and embeddings in `float_layers` kept in float and
    those in `int8_layers` kept in INT8; `failed` is the reason if the file does not match its source. `comparison` is
    None if a logit of the file is NaN or infinite.
    """

    strength: float | None
    spare: list[int] = []
    float_layers: list[str] = []
    int8_layers: list[str] = []
    comparison: Comparison | None
    accepted: bool
    failed: str | None = None

    @property
    def kept(self) -> str:
        """Number of layers that keep a higher precision, such as ``2 in float, 1 in INT8``; empty if there are none."""
        counts = {"float": len(self.float_layers), "INT8": len(self.int8_layers)}
        return ", ".join(f"{count} in {precision}" for precision, count in counts.items() if count)


class Step(Strict):
    """The record of one step (a stage or an artifact) and the guard's decision: the content of `stage.json`."""

    name: str
    kind: str
    decision: Literal["reference", "accepted", "rolled-back"]
    unsettled: bool = False
    comparison: Comparison | None = None
    finite: bool = True  # False if a logit is NaN or infinite, so that there is no comparison
    seconds: float = 0.0
    parameters: dict[str, Any] = {}
    measured: dict[str, int] = {}
    parity: Parity | None = None
    min_runtime: str | None = None  # of an exported file
    failed: str | None = None  # the reason if a file does not match its source or was not written
    notes: list[str] = []
    remarks: list[str] = []  # of the stage, about its own work
    tries: list[Try] = []
    key: str = ""
    files: dict[str, str] = {}  # files of the step -> SHA-256


def lossless(step: Step, steps: Sequence[Step]) -> bool:
    """Return whether a step stores the model of an earlier stage in a file whose comparison is the very same."""
    if step.kind != "artifact":
        return False
    earlier = steps[: steps.index(step)]
    return any(one.comparison == step.comparison for one in earlier if one.decision == "accepted")


class LinearControl(Strict):
    """The linear baseline (character n-grams) on the teacher's rows: a teacher that is not better needs more training.

    `comparison.value` is the teacher's metric on the validation rows, `comparison.reference` the linear model's.
    `test_answers` is a file of the linear model's predictions on the test rows, one-hot (.npy); the bench scores them.
    """

    comparison: Comparison
    train_rows: int
    seconds: float
    test_answers: str


class Recorded(Strict):
    """A figure of another run, which the report shows beside the measured ones: what has it, and where it is from."""

    what: str
    value: Share
    source: str


class Manifest(Strict):
    """The content of `artifacts/<recipe>/manifest.json`."""

    format: int = Field(SCHEMA, alias="schema")
    recipe: FileName
    task: TaskSpec
    reference: str
    artifacts: list[Artifact]
    max_drop: float = Field(0.010, ge=0, lt=1)
    confidence: float = Field(0.95, gt=0.5, lt=1)
    command: str = ""
    steps: list[Step] = []
    linear_control: LinearControl | None = None
    recorded: list[Recorded] = []
    files: dict[str, str] = {}  # further files (tokenizer, test rows) -> SHA-256

    def artifact(self, artifact_id: str) -> Artifact:
        """Return the artifact of that id; raise `KeyError` if there is none."""
        return {a.id: a for a in self.artifacts}[artifact_id]


def inside(folder: Path, relative: str) -> Path:
    """Resolve the path `relative` inside `folder`.

    Raises:
        BadInput: the path is absolute, leaves the folder (links are followed, also those inside a folder), does not
            exist, or is neither a file nor a folder.
    """
    here = f"manifest in {folder}: {relative!r}"
    try:
        root = folder.resolve()
        target = (root / relative).resolve()
    except (OSError, ValueError, RuntimeError) as error:  # too long, a zero byte, links without end
        raise BadInput(f"{here} cannot be a path; use a relative path below the folder") from error
    if Path(relative).is_absolute() or not target.is_relative_to(root):
        raise BadInput(f"{here} leaves its folder; use a relative path below it")
    if not exists(target):
        raise BadInput(f"{here} does not exist; build again, or remove it from the manifest")
    check_file(target)
    for file in sorted(target.rglob("*")) if target.is_dir() else ():
        if file.is_symlink() and not file.resolve().is_relative_to(target):
            raise BadInput(f"{here}: the link {file.relative_to(target).as_posix()!r} leaves it; put the file there")
    return target


def load_manifest(path: Path) -> Manifest:
    """Read and check a manifest: schema, references, paths and SHA-256 of every artifact.

    Raises:
        BadInput: the manifest cannot be used; the message names the file and the field.
    """
    manifest = read_json(path, Manifest, SCHEMA, "no such manifest; build one with: pocketbert build RECIPE")
    _check(manifest, path)
    manifest.artifacts = [_with_positions(artifact, path.parent) for artifact in manifest.artifacts]
    _check_positions(manifest, path)
    return manifest


def _with_positions(artifact: Artifact, folder: Path) -> Artifact:
    """Return the artifact with its positions if it has none: its longest length, or those in a folder's config.json."""
    if artifact.positions is None and artifact.lengths:
        return artifact.model_copy(update={"positions": max(artifact.lengths)})
    if artifact.positions is not None or artifact.runtime != "torch":
        return artifact
    file = inside(folder, artifact.path) / "config.json"
    try:
        check_file(file, DOCUMENT)
        config: Any = SimpleNamespace(**json.loads(file.read_text(encoding="utf-8")))
        found = positions(config)
    except (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):  # the runtime will say so
        return artifact
    return artifact.model_copy(update={"positions": found}) if found > 0 else artifact


def _check_positions(manifest: Manifest, path: Path) -> None:
    for artifact in manifest.artifacts:
        if artifact.positions is not None and artifact.positions < (longest := manifest.task.max_length):
            longest_is = f"lengths = {artifact.lengths}" if artifact.lengths else f"positions = {artifact.positions}"
            raise BadInput(
                f"{path}: {artifact.id}: {longest_is}, but task.max_length is {longest}, and no text is truncated; "
                "build again with a shorter task.max_length"
            )


def _check(manifest: Manifest, path: Path) -> None:
    ids = [a.id for a in manifest.artifacts]
    if twice := {i for i in ids if ids.count(i) > 1}:
        raise BadInput(f"{path}: artifact id {sorted(twice)[0]!r} is listed twice; use a different id")
    if manifest.reference not in ids:
        raise BadInput(
            f"{path}: reference {manifest.reference!r} is not among the artifacts; allowed: {', '.join(ids) or 'none'}"
        )
    if manifest.artifact(manifest.reference).role == "ship":
        raise BadInput(
            f"{path}: reference {manifest.reference!r} has the role 'ship' and would be compared with itself; give it "
            "the role 'reference', and list the file again under another id if it is exported, too"
        )
    for artifact in manifest.artifacts:
        if artifact.dense not in (None, *ids):
            raise BadInput(
                f"{path}: {artifact.id}: dense {artifact.dense!r} is not among the artifacts; allowed: {', '.join(ids)}"
            )
        if artifact.dense and artifact.role != "stage":
            raise BadInput(f"{path}: {artifact.id}: dense is allowed with role 'stage' only: an exported file is timed")
    inside(path.parent, manifest.task.test)
    if manifest.linear_control:
        inside(path.parent, manifest.linear_control.test_answers)
    expected = dict(manifest.files)
    for artifact in manifest.artifacts:
        inside(path.parent, artifact.tokenizer)
        inside(path.parent, artifact.path)
        if artifact.inputs is not None and artifact.runtime == "torch":
            raise BadInput(f"{path}: artifact {artifact.id!r}: a Hugging Face folder takes no `inputs`; remove them")
        if artifact.sha256 is not None:
            expected[artifact.path] = artifact.sha256
    for name, sha256 in expected.items():
        if (found := digest(inside(path.parent, name))) != sha256:
            is_now = f"SHA-256 {found[:12]}…, then {sha256[:12]}…"
            raise BadInput(f"{path}: {name!r} was changed after the build ({is_now}); build again")
