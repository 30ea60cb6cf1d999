"""Dataset folders written on the spot."""

import json
from pathlib import Path
from typing import Any


def write(folder: Path, **splits: list[Any]) -> Path:
    """One JSON Lines file per split."""
    folder.mkdir(exist_ok=True)
    for split, rows in splits.items():
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{split}.jsonl").write_text(lines, encoding="utf-8")
    return folder
