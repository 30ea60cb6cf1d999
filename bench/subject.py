"""What is weighed: an artifact with its tokenizer, the test rows as it sees them, and what went wrong on the way."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
from pyarrow import ArrowException
from tokenizers import Tokenizer

from bench.profiles import MIX
from bench.results import Accuracy, Latency, Memory, Size
from compress.errors import BadInput
from compress.manifest import Artifact, Manifest, digest, inside
from compress.tasks.encoding import encode, load_tokenizer, pad_id

REQUESTS = 100
"""Single requests per artifact, profile and length; MLPerf LoadGen wants 64 for a P90 with a 99 % bound."""


@dataclass(frozen=True)
class Rows:
    """The test split; `drawn` are the rows whose lengths stand for the mix, the same sample for every artifact."""

    texts: list[str]
    gold: list[int]
    sha256: str
    drawn: list[int]


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
    padding: int
    sequences: list[list[int]]
    size: Size | None = None
    memory: Memory | None = None
    accuracy: Accuracy | None = None
    latency: list[Latency] = field(default_factory=list)
    tokenizer_p50_ms: float | None = None
    failures: list[str] = field(default_factory=list)

    def requests(self, length: str, rows: Rows) -> list[list[int]]:
        """Token ids of the single requests of that length."""
        return single_requests([self.sequences[row] for row in rows.drawn], length)


def single_requests(drawn: list[list[int]], length: str) -> list[list[int]]:
    """`drawn` real texts as they come for the mix, else cut into pieces of that many tokens."""
    if length == MIX:
        return drawn
    stream = np.concatenate([np.asarray(sequence) for sequence in drawn])
    pieces: list[list[int]] = np.resize(stream, (REQUESTS, int(length))).tolist()
    return pieces


def load_rows(path: Path, labels: Sequence[str]) -> Rows:
    """Read the test split, columns text and label.

    Raises:
        BadInput: a column is missing, there is no row, or a label is not one of the task's.
    """
    try:
        schema = parquet.read_schema(path)
    except (OSError, ArrowException) as error:
        raise BadInput(f"{path}: not a Parquet file ({str(error).splitlines()[0]})") from error
    if missing := [column for column in ("text", "label") if column not in schema.names]:
        raise BadInput(f"{path}: no column {missing[0]!r}; it has {', '.join(schema.names)}")
    columns = parquet.read_table(path, columns=["text", "label"]).to_pydict()
    texts, gold = columns["text"], columns["label"]
    if not texts:
        raise BadInput(f"{path}: no rows; an empty split scores nothing")
    if wrong := [label for label in gold if label not in range(len(labels))]:
        raise BadInput(f"{path}: label {wrong[0]!r}; legal: 0 to {len(labels) - 1} ({', '.join(labels)})")
    sample = np.random.default_rng(0).permutation(len(texts))[:REQUESTS]
    # Shortest first: every set of processes takes each so-manieth request, and so gets all lengths alike.
    drawn = sorted(sample.tolist(), key=lambda row: len(texts[row]))
    content = hashlib.sha256(json.dumps([texts, gold], ensure_ascii=False).encode()).hexdigest()
    return Rows(texts, gold, content, drawn)


def open_subject(artifact: Artifact, manifest: Manifest, folder: Path, rows: Rows) -> Subject:
    """The artifact with the test rows in its own tokens."""
    path, tokenizer_path = inside(folder, artifact.path), inside(folder, artifact.tokenizer)
    tokenizer = load_tokenizer(tokenizer_path, manifest.task.max_length)
    sha256 = artifact.sha256 or digest(path)
    tokenizer_sha256 = digest(tokenizer_path)
    parts = (artifact.runtime, sha256, tokenizer_sha256)
    return Subject(
        artifact=artifact,
        path=path,
        key=hashlib.sha256("\n".join(parts).encode()).hexdigest(),
        sha256=sha256,
        tokenizer_path=tokenizer_path,
        tokenizer_sha256=tokenizer_sha256,
        tokenizer=tokenizer,
        padding=pad_id(tokenizer),
        sequences=encode(tokenizer, rows.texts),
    )
