"""Figures that need not be taken again, because the same content gives the same figure.

Sizes follow from an artifact's bytes alone, scores from artifact, rows, libraries and processor. Latency and memory do
not follow from anything: they are always measured afresh.
"""

import hashlib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from pocketbert.compress.base.files import write_json

FOLDER = ".weighed"
"""Beside the manifest; may be deleted at any time."""
Figure = TypeVar("Figure", bound=BaseModel)


def place(folder: Path, *parts: str) -> Path:
    """Where a figure that depends on these parts is kept."""
    name = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return folder / FOLDER / f"{name}.json"


def recall(path: Path, kind: type[Figure]) -> Figure | None:
    """The figure kept there; None if there is none that can be read."""
    try:
        return kind.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def keep(path: Path, figure: BaseModel) -> None:
    """Keep a figure for the next weighing; a folder that cannot be written to only costs time."""
    try:
        write_json(path, figure)
    except OSError:
        return
