"""Size: bytes on disk, and deflated bytes as in an app bundle."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pocketbert.bench.measuring.setup import Setup
from pocketbert.bench.measuring.subject import Subject
from pocketbert.bench.records.results import REST, Size, TensorSize
from pocketbert.bench.records.reuse import keep, place, recall
from pocketbert.bench.workers import inside
from pocketbert.bench.workers.inside import tensors
from pocketbert.compress.base.files import deflated_bytes, digest, files_of

PARTS = {
    "attention": re.compile(r"attention"),
    "embeddings": re.compile(r"embeddings"),
    "FFN": re.compile(r"intermediate|output[._]|ffn"),
    "head": re.compile(r"pooler|classifier|cls\."),
}
"""Part -> pattern of its tensors' names; a tensor belongs to the first part that matches."""
LARGEST = 60
"""The number of tensors that are listed, the largest ones."""


def expect(_: Setup) -> None:
    """Add nothing to the progress bar: sizes take seconds."""


def measure(setup: Setup) -> None:
    """Set the size of every artifact, also of those that do not run here."""
    setup.bar.now(f"{len(setup.subjects)} artifacts: bytes on disk and deflated")
    with ThreadPoolExecutor(len(setup.cores)) as pool:
        sizes = pool.map(lambda subject: _known_or_measured(setup, subject), setup.subjects)
        for subject, size in zip(setup.subjects, sizes, strict=True):
            subject.size = size


def _known_or_measured(setup: Setup, subject: Subject) -> Size:
    runtime = subject.artifact.runtime
    readers = (Path(__file__), Path(inside.__file__).with_name(f"{runtime}.py"))
    code = [digest(reader) for reader in readers if reader.is_file()]
    kept = place(setup.folder, "size by part of an unchanged file", runtime, subject.sha256, *code)
    if known := recall(kept, Size):
        return known
    size = measure_size(subject.path)
    size = size.model_copy(update=by_tensor(runtime, subject.path, size.bytes))
    if size.parts:  # without parts, a library that reads them may be missing
        setup.unchanged.check(subject.path)
        keep(kept, size)
    return size


def measure_size(path: Path) -> Size:
    """Return the size of a file or folder; every file of a folder is deflated on its own, as in a zip archive."""
    files = [file for _, file in files_of(path)]
    return Size(bytes=sum(file.stat().st_size for file in files), deflated_bytes=sum(map(deflated_bytes, files)))


def by_tensor(runtime: str, path: Path, total: int) -> dict[str, Any]:
    """Return the fields `parts` and `tensors` of `Size`; nothing if no part is found.

    Args:
        total: bytes on disk, all files together.
    """
    found: dict[str, int] = {}
    known = []
    for tensor in tensors(runtime, path) or []:
        part = next((name for name, pattern in PARTS.items() if pattern.search(tensor.name)), None)
        if part:
            found[part] = found.get(part, 0) + tensor.bytes
        known.append(TensorSize(**{**tensor._asdict(), "part": part or REST}))
    if not found:
        return {}
    large = sorted(known, key=lambda tensor: -tensor.bytes)[:LARGEST]
    return {"parts": {**found, REST: max(total - sum(found.values()), 0)}, "tensors": large}
