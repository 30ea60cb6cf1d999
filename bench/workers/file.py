"""The file that a runtime opens."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class File(NamedTuple):
    """An artifact's file or folder and the runtime that opens it.

    `inputs` maps the graph's input names to ours, in the graph's order; None: the names are ours.
    """

    runtime: str
    path: Path
    inputs: Mapping[str, str] | None = None
