"""A cache of figures: the same content has the same size and the same scores.

Sizes depend on an artifact's bytes, scores on artifact, rows, libraries and processor. Latency and memory are always
measured.
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from pocketbert.compress.base.files import write_json
from pocketbert.compress.base.folders import lru

FOLDER = ".scores"
"""In the manifest's folder; may be deleted at any time."""
LIMIT = 16 * 2**20
"""Largest total size, bytes; the least recently used figures are removed first."""
MAX_AGE_S = 180 * lru.DAY_S
"""Figures that were not used for longer are removed."""
Figure = TypeVar("Figure", bound=BaseModel)


def place(folder: Path, *parts: str) -> Path:
    """Return the path of a figure that depends on these parts."""
    name = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return folder / FOLDER / f"{name}.json"


def recall(path: Path, kind: type[Figure]) -> Figure | None:
    """Return the cached figure; None if there is none that can be read."""
    try:
        figure = kind.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    with suppress(OSError):  # a read-only folder works as well
        os.utime(path)
    return figure


def keep(path: Path, figure: BaseModel) -> None:
    """Cache a figure; in a read-only folder the next run computes it again."""
    try:
        write_json(path, figure)
    except OSError:
        return


def usage(folder: Path) -> lru.Usage:
    """Return what the figures in the manifest's folder take."""
    return lru.usage(folder / FOLDER)


def prune(folder: Path, limit: int = LIMIT, max_age: float = MAX_AGE_S) -> None:
    """Remove the least recently used figures until at most `limit` bytes are left, and those older than `max_age`.

    Args:
        folder: of the manifest.
        max_age: seconds since the last use.
    """
    lru.prune(folder / FOLDER, limit, max_age)
