"""What is weighed: an artifact with its tokenizer, the test rows as it sees them, and what went wrong on the way."""

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
from pyarrow import ArrowException
from tokenizers import Tokenizer

from pocketbert.bench.records.results import MIX, Accuracy, Latency, Memory, Size
from pocketbert.bench.workers.inside.onnxruntime import external_data
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import digest
from pocketbert.compress.manifest import Artifact, Manifest, inside
from pocketbert.compress.runtimes import EMULATED, RUNTIMES
from pocketbert.compress.tasks import Task, open_task
from pocketbert.compress.tasks.inputs import Columns, Inputs
from pocketbert.compress.tasks.tokenizer import load_tokenizer

REQUESTS = 100
"""Single requests per artifact, profile and length; MLPerf LoadGen wants 64 for a P90 with a 99 % bound."""


@dataclass(frozen=True)
class Rows:
    """The test split; `drawn` are the rows whose lengths stand for the mix, the same sample for every artifact."""

    columns: Columns
    gold: list[Any]
    sha256: str
    drawn: list[int]

    def __len__(self) -> int:
        return len(self.gold)

    @cached_property
    def sample(self) -> Columns:
        """The drawn rows."""
        return {name: [values[row] for row in self.drawn] for name, values in self.columns.items()}


@dataclass
class Subject:
    """One thing to weigh. Artifacts with the same content, runtime and tokenizer share one (`key`)."""

    artifact: Artifact
    path: Path
    key: str
    sha256: str
    tokenizer_path: Path
    tokenizer_sha256: str
    tokenizer: Tokenizer
    inputs: Inputs
    drawn: list[list[int]]  # the sample of rows in this artifact's tokens
    size: Size | None = None
    memory: Memory | None = None
    accuracy: Accuracy | None = None
    latency: list[Latency] = field(default_factory=list)
    tokenizer_p50_ms: float | None = None
    failures: list[str] = field(default_factory=list)

    @property
    def not_run(self) -> bool:
        """Whether its runtime is of another system, so that only its size can be weighed."""
        return self.artifact.runtime in EMULATED

    def requests(self, length: str) -> list[list[int]]:
        """Token ids of the single requests of that length."""
        return single_requests(self.drawn, length)


def single_requests(drawn: list[list[int]], length: str) -> list[list[int]]:
    """`drawn` real texts as they come for the mix, else cut into pieces of that many tokens."""
    if length == MIX:
        return drawn
    stream = np.concatenate([np.asarray(sequence) for sequence in drawn])
    pieces: list[list[int]] = np.resize(stream, (REQUESTS, int(length))).tolist()
    return pieces


def load_rows(path: Path, task: Task) -> Rows:
    """Read the test split: the task's columns, and label.

    Raises:
        BadInput: a column is missing, there is no row, or a label is not one of the task's.
    """
    try:
        schema = parquet.read_schema(path)
    except (OSError, ArrowException) as error:
        raise BadInput(f"{path}: not a Parquet file ({str(error).splitlines()[0]})") from error
    wanted = [*task.columns, "label"]
    if missing := [column for column in wanted if column not in schema.names]:
        raise BadInput(f"{path}: no column {missing[0]!r}; it has {', '.join(schema.names)}")
    columns = parquet.read_table(path, columns=wanted).to_pydict()
    gold = columns["label"]
    if not gold:
        raise BadInput(f"{path}: no rows; an empty split scores nothing")
    _check_texts(path, columns, task)
    _check_labels(path, columns, task)
    sample = np.random.default_rng(0).permutation(len(gold))[:REQUESTS]
    # Shortest first: every set of processes takes each so-manieth request, and so gets all lengths alike.
    drawn = sorted(sample.tolist(), key=lambda row: sum(len(columns[name][row]) for name in task.columns))
    content = hashlib.sha256(json.dumps(list(columns.values()), ensure_ascii=False).encode()).hexdigest()
    return Rows(columns, gold, content, drawn)


def _check_texts(path: Path, columns: dict[str, list[Any]], task: Task) -> None:
    kind, legal = (list, "a list of words") if task.token_level else (str, "a text")
    for name in task.columns:
        for row, value in enumerate(columns[name]):
            if not isinstance(value, kind) or (kind is list and not all(isinstance(word, str) for word in value)):
                raise BadInput(f"{path}: row {row}: {name} is {value!r}; legal: {legal}")


def _check_labels(path: Path, columns: dict[str, list[Any]], task: Task) -> None:
    legal = f"0 to {len(task.labels) - 1} ({', '.join(task.labels)})"
    answers = columns["label"]
    if task.token_level:
        for row, (tokens, labels) in enumerate(zip(columns["tokens"], answers, strict=True)):
            if not isinstance(labels, list) or len(labels) != len(tokens or ()):
                raise BadInput(f"{path}: row {row}: label {labels!r}; legal: a list, one label for each token")
        answers = [label for labels in answers for label in labels]
    if wrong := [label for label in answers if not isinstance(label, int) or label not in range(len(task.labels))]:
        raise BadInput(f"{path}: label {wrong[0]!r}; legal: {legal}")


def open_subject(artifact: Artifact, manifest: Manifest, folder: Path, rows: Rows) -> Subject:
    """The artifact with the test rows in its own tokens.

    Raises:
        BadInput: it is not all in what the manifest names.
    """
    path, tokenizer_path = inside(folder, artifact.path), inside(folder, artifact.tokenizer)
    if path.is_dir() != (artifact.runtime == "torch") and artifact.runtime in RUNTIMES and path.exists():
        legal = "a folder" if artifact.runtime == "torch" else "the file itself"
        raise BadInput(f"{path}: is {'a folder' if path.is_dir() else 'a file'}; legal for {artifact.runtime}: {legal}")
    if artifact.runtime == "onnxruntime" and (outside := external_data(path)):
        raise BadInput(
            f"{path}: its weights lie in {outside}, which would be neither weighed nor checked; legal: one file, as "
            "onnx.save(onnx.load(path), path) makes it"
        )
    tokenizer = load_tokenizer(tokenizer_path)
    task = open_task(manifest.task.kind, manifest.task.labels, manifest.task.max_length)
    sha256 = artifact.sha256 or digest(path)
    tokenizer_sha256 = digest(tokenizer_path)
    parts = [artifact.runtime, sha256, tokenizer_sha256]
    if artifact.inputs:
        parts.append(json.dumps(artifact.inputs))
    return Subject(
        artifact=artifact,
        path=path,
        key=hashlib.sha256("\n".join(parts).encode()).hexdigest(),
        sha256=sha256,
        tokenizer_path=tokenizer_path,
        tokenizer_sha256=tokenizer_sha256,
        tokenizer=tokenizer,
        inputs=task.encode(tokenizer, rows.columns),
        drawn=task.encode(tokenizer, rows.sample).begins(),
    )
