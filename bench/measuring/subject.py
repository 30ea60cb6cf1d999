"""The subject of a measurement: an artifact, the test rows in its own tokens, its figures and its failures."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from tokenizers import Tokenizer

from pocketbert.bench.measuring.unchanged import Unchanged
from pocketbert.bench.records.results import MIX, Accuracy, Failure, Latency, Memory, Metric, Size
from pocketbert.bench.workers.child import ChildFailed, RequestFailed
from pocketbert.bench.workers.file import File
from pocketbert.compress.base.errors import BadInput, listed
from pocketbert.compress.base.files import each_key_once
from pocketbert.compress.base.paths import check_file
from pocketbert.compress.manifest import Artifact, Manifest, inside
from pocketbert.compress.runtimes import EMULATED, RUNTIMES
from pocketbert.compress.tasks import Task, open_task
from pocketbert.compress.tasks.inputs import Columns, Inputs
from pocketbert.compress.tasks.rows import IN_TRAIN, decide_nothing
from pocketbert.compress.tasks.tokenizer import load_tokenizer, unknown_id

REQUESTS = 100
"""Single requests per artifact, profile and length; MLPerf LoadGen requires 64 for a P90 with a 99 % bound."""


_FEW_POSITIONS = 'if the model has fewer positions, add their number to the manifest, such as "positions": 64'
"""The hint about a request that a model cannot read, if nothing says how many positions it has."""


@dataclass(frozen=True)
class ScoredRows:
    """The test split; `drawn` is the sample of rows for latency requests, the same one for every artifact."""

    columns: Columns
    gold: list[Any]
    sha256: str
    drawn: list[int]
    in_train: list[bool] = field(default_factory=list)  # whether the text is in train too, or nearly; empty: not known
    undecided: str = ""  # why these rows cannot tell a good model from a bad one, if they cannot

    def __len__(self) -> int:
        return len(self.gold)

    @cached_property
    def sample(self) -> Columns:
        """The drawn rows."""
        return {name: [values[row] for row in self.drawn] for name, values in self.columns.items()}


@dataclass
class Subject:
    """One content to measure. Artifacts with the same content, runtime and tokenizer share one (`key`)."""

    artifact: Artifact
    path: Path
    tokenizer_path: Path
    key: str
    sha256: str
    tokenizer_sha256: str
    tokenizer: Tokenizer
    inputs: Inputs
    drawn: list[list[int]]  # token ids of the sample
    size: Size | None = None
    memory: Memory | None = None
    accuracy: Accuracy | None = None
    latency: list[Latency] = field(default_factory=list)
    tokenizer_p50_ms: float | None = None
    failures: list[Failure] = field(default_factory=list)

    @cached_property
    def unknown_share(self) -> float:
        """The fraction of unknown tokens among the tokens of the test rows, without those around each text."""
        unknown, around = unknown_id(self.tokenizer), {*self.tokenizer.encode("", "").ids}
        found = Counter(chain.from_iterable(self.inputs.sequences))
        total = sum(count for number, count in found.items() if number not in around)
        return found[unknown] / max(total, 1) if unknown is not None else 0.0

    @property
    def not_run(self) -> bool:
        """Return whether the runtime is of another platform, so that only the size is measured."""
        return self.artifact.runtime in EMULATED

    @property
    def file(self) -> File:
        """The file as a worker opens it."""
        return File(self.artifact.runtime, self.path, self.artifact.inputs)

    def requests(self, length: str) -> list[list[int]]:
        """Return the token ids of the single requests of that length."""
        return single_requests(self.drawn, length)

    def fail(self, metric: Metric, words: str, profile: str | None = None, length: str | None = None) -> None:
        """Record that a figure could not be measured."""
        self.failures.append(Failure(metric=metric, words=words, profile=profile, length=length))

    @contextmanager
    def recording(self, metric: Metric, profile: str | None = None, length: str | None = None) -> Iterator[None]:
        """Record a child's failure on this subject instead of raising it."""
        try:
            yield
        except (ChildFailed, psutil.Error) as failure:
            words = str(failure)
            if isinstance(failure, RequestFailed) and self.artifact.positions is None:
                words += f"; {_FEW_POSITIONS}"
            self.fail(metric, words, profile, length)


def single_requests(drawn: list[list[int]], length: str) -> list[list[int]]:
    """Return the `drawn` texts unchanged for natural lengths (`MIX`), else split into pieces of that many tokens."""
    if length == MIX:
        return drawn
    stream = np.concatenate([np.asarray(sequence) for sequence in drawn])
    pieces: list[list[int]] = np.resize(stream, (REQUESTS, int(length))).tolist()
    return pieces


def load_rows(path: Path, task: Task) -> ScoredRows:
    """Read the test split: the task's columns and the labels.

    Raises:
        BadInput: the file is not JSON Lines, a key is missing, there is no row, or a text or label is not of the task.
    """
    found = list(_objects(path))
    if not found:
        raise BadInput(f"{path}: no rows; expected: at least one labelled row")
    wanted = [*task.columns, "label"]
    for line, row in enumerate(found, start=1):
        if missing := [key for key in wanted if key not in row]:
            raise BadInput(f"{path}: line {line}: no key {missing[0]!r}; keys: {listed(row) or 'none'}")
        if not isinstance(row.get(IN_TRAIN, False), bool):
            raise BadInput(f"{path}: line {line}: {IN_TRAIN} is {row[IN_TRAIN]!r}; allowed: true, false")
    columns = {name: [row[name] for row in found] for name in wanted}
    in_train = [row.get(IN_TRAIN, False) for row in found] if any(IN_TRAIN in row for row in found) else []
    gold = columns["label"]
    _check_texts(path, columns, task)
    _check_labels(path, columns, task)
    sample = np.random.default_rng(0).permutation(len(gold))[:REQUESTS]
    # Sorted by length: each set takes every n-th request, so all sets see the same mix of lengths.
    drawn = sorted(sample.tolist(), key=lambda row: sum(len(columns[name][row]) for name in task.columns))
    content = hashlib.sha256(json.dumps(list(columns.values()), ensure_ascii=False).encode()).hexdigest()
    return ScoredRows(columns, gold, content, drawn, in_train, decide_nothing(task.labels, gold) or "")


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a JSON Lines file."""
    check_file(path)
    line = 0
    try:
        with path.open(encoding="utf-8-sig", newline="\n") as text:
            for written in text:
                line += 1
                row = json.loads(written, object_pairs_hook=each_key_once)
                json.dumps(row, ensure_ascii=False).encode()  # half of a character, which no tokenizer reads
                if not isinstance(row, dict):
                    raise TypeError
                yield row
    except BadInput as error:
        raise BadInput(f"{path}: line {line}: {error}; keep one of them") from error
    except (OSError, ValueError, TypeError, RecursionError) as error:
        at = f"line {line}: " if line else ""
        raise BadInput(f"{path}: {at}expected: JSON Lines in UTF-8, one object per row; build again") from error


def _check_texts(path: Path, columns: dict[str, list[Any]], task: Task) -> None:
    kind, expected = (list, "a list of words") if task.token_level else (str, "a text")
    for name in task.columns:
        for row, value in enumerate(columns[name]):
            if not isinstance(value, kind) or (kind is list and not all(isinstance(word, str) for word in value)):
                raise BadInput(f"{path}: line {row + 1}: {name} is {value!r}; expected: {expected}")


def _check_labels(path: Path, columns: dict[str, list[Any]], task: Task) -> None:
    expected = f"0 to {len(task.labels) - 1} ({', '.join(task.labels)})"
    gold = columns["label"]
    if task.token_level:
        for row, (tokens, labels) in enumerate(zip(columns["tokens"], gold, strict=True)):
            if not isinstance(labels, list) or len(labels) != len(tokens or ()):
                raise BadInput(f"{path}: line {row + 1}: label {labels!r}; expected: a list with one label per token")
        gold = [label for labels in gold for label in labels]
    if wrong := [label for label in gold if not isinstance(label, int) or label not in range(len(task.labels))]:
        raise BadInput(f"{path}: label {wrong[0]!r}; expected: {expected}")


def open_subject(
    artifact: Artifact, manifest: Manifest, folder: Path, rows: ScoredRows, unchanged: Unchanged
) -> Subject:
    """Open an artifact's tokenizer and tokenize the test rows.

    Args:
        unchanged: gets the artifact and its tokenizer before they are read.

    Raises:
        BadInput: the artifact is a folder where its runtime needs a file or the reverse.
    """
    path, tokenizer_path = inside(folder, artifact.path), inside(folder, artifact.tokenizer)
    sha256, tokenizer_sha256 = unchanged.add(path, artifact.sha256), unchanged.add(tokenizer_path)
    if path.is_dir() != (artifact.runtime == "torch") and artifact.runtime in RUNTIMES and path.exists():
        found, expected = ("a folder", "a file") if path.is_dir() else ("a file", "a folder")
        raise BadInput(f"{path}: is {found}; expected for {artifact.runtime}: {expected}")
    tokenizer = load_tokenizer(tokenizer_path)
    task = open_task(manifest.task.kind, manifest.task.labels, manifest.task.max_length)
    parts = [artifact.runtime, sha256, tokenizer_sha256]
    if artifact.inputs:
        parts.append(json.dumps(artifact.inputs))
    return Subject(
        artifact=artifact,
        path=path,
        tokenizer_path=tokenizer_path,
        key=hashlib.sha256("\n".join(parts).encode()).hexdigest(),
        sha256=sha256,
        tokenizer_sha256=tokenizer_sha256,
        tokenizer=tokenizer,
        inputs=task.encode(tokenizer, rows.columns),
        drawn=task.encode(tokenizer, rows.sample).one_per_row(),
    )
