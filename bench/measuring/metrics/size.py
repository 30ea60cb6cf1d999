"""Size: bytes on disk, and deflated as an app bundle carries them."""

import re
from pathlib import Path

from pocketbert.bench.records.results import REST, Size
from pocketbert.bench.workers.inside import tensors
from pocketbert.compress.base.files import deflated_bytes, files_of


def measure_size(path: Path) -> Size:
    """A file or a folder; every file in it is deflated on its own, as a zip archive does."""
    files = [file for _, file in files_of(path)]
    return Size(bytes=sum(file.stat().st_size for file in files), deflated_bytes=sum(map(deflated_bytes, files)))


PARTS = {
    "attention": re.compile(r"attention"),
    "embeddings": re.compile(r"embeddings"),
    "FFN": re.compile(r"intermediate|output[._]|ffn"),
    "head": re.compile(r"pooler|classifier|cls\."),
}
"""Part -> what the names of its tensors contain; the first that matches has it."""


def size_by_part(runtime: str, path: Path, total: int) -> dict[str, int]:
    """Bytes of every part that is there, and what is in no tensor or in one of an unknown name; empty if none is known.

    Args:
        total: bytes on disk, all files together.
    """
    found: dict[str, int] = {}
    for tensor in tensors(runtime, path) or []:
        part = next((name for name, pattern in PARTS.items() if pattern.search(tensor.name)), None)
        if part:
            found[part] = found.get(part, 0) + tensor.bytes
    return {**found, REST: max(total - sum(found.values()), 0)} if found else {}
