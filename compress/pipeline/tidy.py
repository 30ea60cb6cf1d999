"""Tidying the folder of a recipe before a build."""

import shutil
from contextlib import suppress
from pathlib import Path

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.failures import BUILD_LOG
from pocketbert.compress.base.files import sweep_temporaries
from pocketbert.compress.base.folders import lru
from pocketbert.compress.base.folders.leftovers import sweep
from pocketbert.compress.pipeline.cache import (
    LOG_LIMIT,
    SCRATCH,
    SOURCES,
    SOURCES_LIMIT,
    SOURCES_MAX_AGE_S,
    STEPS_LIMIT,
    STEPS_MAX_AGE_S,
)

_MADE = ("manifest.json", BUILD_LOG, "data/test.jsonl", "ship/tokenizer.json", SCRATCH, ".scores")
"""What a build and a gate run make in the folder of a recipe, besides the folders of steps and what holds these."""
_STEPS = ("control", "ranking", "stages/*", "ship/*", "dense/*")
_HOLD = ("data", "stages", "ship", "dense")


def tidy(root: Path) -> None:
    """Remove what killed processes left, and what is too old or too large."""
    sweep()
    sources = root.parent / SOURCES
    for folder in {sources, *(path.parent for path in root.rglob(".*.tmp*"))}:
        sweep_temporaries(folder)
    lru.prune(sources, SOURCES_LIMIT, SOURCES_MAX_AGE_S)
    unfinished = root / SCRATCH  # the newest is the training that this build resumes, however large its checkpoints
    lru.prune(unfinished, STEPS_LIMIT, STEPS_MAX_AGE_S, lru.newest(unfinished))
    log = root / BUILD_LOG
    if log.is_file() and log.stat().st_size > LOG_LIMIT:
        log.unlink()


def clear(root: Path) -> None:
    """Delete what builds left in `root`, and nothing else, also where a folder of theirs holds files of somebody else.

    Raises:
        BadInput: no build made the folder.
    """
    if any(root.iterdir()) and not ((root / BUILD_LOG).is_file() or (root / "stages/00-teacher").is_dir()):
        raise BadInput(
            f"{root}: --fresh deletes what a build left, and no build made this folder; choose another folder with "
            "--artifacts-dir, or another name"
        )
    for folder in (root / name for name in _HOLD):
        if folder.is_symlink():
            folder.unlink()
    steps = [record.parent for pattern in _STEPS for record in root.glob(f"{pattern}/stage.json")]
    for path in (*steps, *(root / name for name in _MADE)):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for folder in (root / name for name in _HOLD):
        with suppress(OSError):  # it holds files of somebody else, or there is none
            folder.rmdir()
