"""The manifest: which artifacts a build made, and how to score them. Written by `compress`, read by `bench`.

Paths in it are relative to its folder and may not leave it; every file is checked against its SHA-256 before anybody
opens it. Importing this module loads neither torch nor transformers.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import digest, read_json
from pocketbert.compress.base.strict import Strict
from pocketbert.compress.tasks import Outcomes, Task
from pocketbert.compress.tasks.paired import Drop

SCHEMA = 1
Input = Literal["input_ids", "attention_mask", "token_type_ids"]
"""What a runtime is given."""


class Parity(Strict):
    """How far an artifact is from the PyTorch model it was made from, on real rows; `largest` is that one's largest
    logit, whichever its sign.
    """

    max_abs_logit: float
    largest: float = 0.0
    label_agreement: float
    rows: int


class Artifact(Strict):
    """One thing that can be weighed: a file, or a folder such as a Hugging Face checkpoint.

    `dense` is what an artifact was before a stage set weights to 0: of the same shapes, so it takes the same time on a
    dense kernel and is not timed again. `dense_deflated_bytes` is what a shipped file would take deflated without them.

    `inputs` says what the graph of a file from elsewhere calls its inputs: its name -> ours, all of them, in its order.
    Where a format's inputs have no names (``.pte``), the order alone counts.
    """

    id: str
    role: Literal["reference", "stage", "ship"]
    runtime: str
    path: str
    tokenizer: str
    precision: str = "fp32"
    inputs: dict[str, Input] | None = None
    sha256: str | None = None
    bytes: int | None = None
    parameters: int | None = None
    macs: int | None = None
    made_from: str | None = None
    parity: Parity | None = None
    dense: str | None = None
    dense_deflated_bytes: int | None = None


class TaskSpec(Strict):
    """What the artifacts predict and the rows they are scored on; `test` is a Parquet file (columns text, label)."""

    kind: str
    labels: list[str]
    max_length: int = Field(ge=3)  # two of them are special
    test: str


class Comparison(Strict):
    """A model's metric beside the teacher's on the same rows; `low`..`high` is the interval of the drop."""

    metric: str
    value: float
    reference: float
    drop: float
    low: float
    high: float
    rows: int
    confidence: float

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
        """As `of`, for a candidate of which only outcomes and metric `value` are known."""
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
        """The drop with its interval, to be judged."""
        return Drop(self.drop, self.low, self.high, self.rows)


class Try(Strict):
    """One strength at which the guard had a stage tried; layers in `spare` were given back to their full width.

    Or an INT8 file whose Linears in `float_layers` stayed in float; `failed`: its answers are not its source's.
    """

    strength: float | None
    spare: list[int] = []
    float_layers: list[str] = []
    comparison: Comparison
    accepted: bool
    failed: str | None = None


class Step(Strict):
    """What a build did at one step (a stage or an artifact) and what the guard said: the content of `stage.json`."""

    name: str
    kind: str
    decision: Literal["reference", "accepted", "rolled-back"]
    unsettled: bool = False
    comparison: Comparison | None = None
    seconds: float = 0.0
    parameters: dict[str, Any] = {}
    measured: dict[str, int] = {}
    parity: Parity | None = None
    failed: str | None = None  # why a file is not what it was made from, or why there is none
    notes: list[str] = []
    remarks: list[str] = []  # what the stage says about its own work
    tries: list[Try] = []
    key: str = ""
    files: dict[str, str] = {}  # what the step made -> SHA-256


class LinearControl(Strict):
    """A linear model (character n-grams) trained on the teacher's rows: a teacher that cannot beat it needs
    more training.

    `comparison.value` is the teacher's metric on the validation rows, `comparison.reference` the linear model's.
    `test_answers` is what it says to the test rows, one-hot (.npy); the bench scores them.
    """

    comparison: Comparison
    train_rows: int
    seconds: float
    test_answers: str


class Manifest(Strict):
    """`artifacts/<recipe>/manifest.json`."""

    format: int = Field(SCHEMA, alias="schema")
    recipe: str = Field(pattern=r"^\w[\w.-]*$")  # reports and baselines are files of that name
    task: TaskSpec
    reference: str
    artifacts: list[Artifact]
    max_drop: float = Field(0.010, ge=0, lt=1)
    confidence: float = Field(0.95, gt=0.5, lt=1)
    command: str = ""
    steps: list[Step] = []
    linear_control: LinearControl | None = None
    files: dict[str, str] = {}  # what is read beside the artifacts (tokenizer, test rows) -> SHA-256

    def artifact(self, artifact_id: str) -> Artifact:
        """The artifact of that id; KeyError if there is none."""
        return {a.id: a for a in self.artifacts}[artifact_id]


def inside(folder: Path, relative: str) -> Path:
    """`relative` resolved below `folder`.

    Raises:
        BadInput: it is absolute, leaves the folder (links are followed), or is not there.
    """
    root = folder.resolve()
    target = (root / relative).resolve()
    if Path(relative).is_absolute() or not target.is_relative_to(root):
        raise BadInput(f"manifest in {folder}: {relative!r} leaves its folder; legal: a relative path below it")
    if not target.exists():
        raise BadInput(
            f"manifest in {folder}: {relative!r} does not exist; build again, or take it out of the manifest"
        )
    return target


def load_manifest(path: Path) -> Manifest:
    """Read and check a manifest: schema, references, paths and SHA-256 of every artifact.

    Raises:
        BadInput: anything in it cannot be used; the message names the file and the field.
    """
    manifest = read_json(path, Manifest, SCHEMA, "no such manifest; build one with: pocketbert build RECIPE")
    _check(manifest, path)
    return manifest


def _check(manifest: Manifest, path: Path) -> None:
    ids = [a.id for a in manifest.artifacts]
    if twice := {i for i in ids if ids.count(i) > 1}:
        raise BadInput(f"{path}: artifact id {sorted(twice)[0]!r} stands there twice")
    if manifest.reference not in ids:
        raise BadInput(
            f"{path}: reference {manifest.reference!r} is not among the artifacts: {', '.join(ids) or 'none'}"
        )
    for artifact in manifest.artifacts:
        if artifact.dense not in (None, *ids):
            raise BadInput(f"{path}: {artifact.id}: dense {artifact.dense!r} is not among the artifacts")
        if artifact.dense and artifact.role != "stage":
            raise BadInput(f"{path}: {artifact.id}: dense is legal with role 'stage' alone: what ships is timed")
    inside(path.parent, manifest.task.test)
    if manifest.linear_control:
        inside(path.parent, manifest.linear_control.test_answers)
    expected = dict(manifest.files)
    for artifact in manifest.artifacts:
        inside(path.parent, artifact.tokenizer)
        inside(path.parent, artifact.path)
        if artifact.inputs is not None and artifact.runtime == "torch":
            raise BadInput(f"{path}: artifact {artifact.id!r}: a Hugging Face folder takes no `inputs`; leave them out")
        if artifact.sha256 is not None:
            expected[artifact.path] = artifact.sha256
    for name, sha256 in expected.items():
        if (found := digest(inside(path.parent, name))) != sha256:
            raise BadInput(f"{path}: {name!r}: SHA-256 {found[:12]}…, expected {sha256[:12]}…; build again")
