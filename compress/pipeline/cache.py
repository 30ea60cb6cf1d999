"""The cache of finished steps, addressed by a digest of everything that went into them.

A step is made in a scratch folder named by its key and moved into place when it is complete. A killed build therefore
keeps every finished step, and training resumes from the last checkpoint of the same key.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pocketbert.compress.base.files import digest, files_of, write_json
from pocketbert.compress.base.own_code import digest_of
from pocketbert.compress.base.processes import rank, wait, world
from pocketbert.compress.manifest import Step

_LIBRARIES = ("numpy", "onnx", "onnxruntime", "scikit-learn", "tokenizers", "torch", "transformers")


def step_key(previous: str, parameters: Mapping[str, Any], modules: Iterable[str]) -> str:
    """Return the SHA-256 of the previous key, the parameters, our own code that `modules` reach, and the libraries."""
    parts = {
        "previous": previous,
        "parameters": parameters,
        "code": digest_of(*modules),
        "libraries": {name: version(name) for name in _LIBRARIES},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def cached(folder: Path, key: str) -> Step | None:
    """Return the finished step in `folder`; None if its key differs, or a file is missing or has changed."""
    try:
        step = Step.model_validate_json((folder / "stage.json").read_text(encoding="utf-8"))
        complete = all(digest(folder / name) == sha256 for name, sha256 in step.files.items())
    except (OSError, ValidationError):
        return None
    return step if step.key == key and complete else None


def make(
    folder: Path, step: Step, scratch_root: Path, work: Callable[[Path, Path], Step], together: bool = False
) -> Step:
    """Run `work(out, scratch)`, record the step it returns and move `out` to `folder`, replacing an older one.

    Args:
        together: every process of the build runs `work`, because it trains. Each has its own `out`; the first
            process's is kept. Otherwise only the first process runs `work`, and the others wait.
    """
    if rank() and not together:
        wait()
        wait()
        return Step.model_validate_json((folder / "stage.json").read_text(encoding="utf-8"))
    scratch = scratch_root / f"{folder.name}-{step.key[:12]}"
    out, replaced = scratch / ("out" if rank() == 0 else f"out-{rank()}"), scratch / "replaced"
    done = cached(out, step.key) if world() == 1 else None  # the build was killed between making and moving
    if done is None:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        made = work(out, scratch / "training")
        done = made.model_copy(update={"files": {name: digest(file) for name, file in files_of(out)}})
        write_json(out / "stage.json", done)
    wait()
    if rank() == 0:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(replaced, ignore_errors=True)
        if folder.exists():
            folder.rename(replaced)
        out.rename(folder)
        shutil.rmtree(scratch)
    wait()
    return done
