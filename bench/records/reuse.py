"""A cache of figures: the same content has the same size and the same scores.

Sizes depend on an artifact's bytes, scores on artifact, rows, libraries and processor. Latency and memory are always
measured.
"""

import hashlib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from pocketbert.compress.base.files import write_json

FOLDER = ".weighed"
"""In the manifest's folder; may be deleted at any time."""
Figure = TypeVar("Figure", bound=BaseModel)


def place(folder: Path, *parts: str) -> Path:
    """Return the path of a figure that depends on these parts."""
    name = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return folder / FOLDER / f"{name}.json"


def recall(path: Path, kind: type[Figure]) -> Figure | None:
    """Return the cached figure; None if there is none that can be read."""
    try:
        return kind.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def keep(path: Path, figure: BaseModel) -> None:
    """Cache a figure; in a read-only folder the next run computes it again."""
    try:
        write_json(path, figure)
    except OSError:
        return
