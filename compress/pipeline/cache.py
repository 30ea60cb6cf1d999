"""The cache of finished steps, addressed by a digest of everything that went into them.

A step is made in a scratch folder named by its key and moved into place when it is complete. A killed build therefore
keeps every finished step, and training resumes from the last checkpoint of the same key.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from glob import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import ValidationError

from pocketbert.compress.base.errors import MachineFailed
from pocketbert.compress.base.files import digest, files_of, read_sealed, sync, write_sealed
from pocketbert.compress.base.folders import lru
from pocketbert.compress.base.own_code import digest_of
from pocketbert.compress.base.processes import rank, wait, world
from pocketbert.compress.manifest import Step

STEPS_LIMIT, STEPS_MAX_AGE_S = 4 * 2**30, 90 * lru.DAY_S
"""Most bytes in each of `GROUPS`, and seconds since the last use, of steps that the newest build did not need."""
SOURCES_LIMIT, SOURCES_MAX_AGE_S = 2**30, 180 * lru.DAY_S
"""The same of the builtin models that were unpacked."""
LOG_LIMIT = 2**20
"""Bytes of `build.log` above which the next build begins a new one."""
SOURCES, SCRATCH = ".sources", ".scratch"
"""Builtin models, beside the folders of builds; and unfinished steps, in the folder of a build."""
RECORD = "stage.json"
GROUPS = ("stages", "ship", "dense", SCRATCH)
"""Folders of steps in the folder of a build."""
_LIBRARIES = ("accelerate", "numpy", "tokenizers", "torch", "transformers")
"""Packages that every training depends on; steps that need further ones have their versions among the parameters."""


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
    step = read_step(folder)
    if step is None or step.key != key:
        return None
    try:
        complete = all(digest(folder / name) == sha256 for name, sha256 in step.files.items())
    except OSError:
        return None
    return step if complete else None


def read_step(folder: Path) -> Step | None:
    """Read the record of the step in `folder`; None if it is missing, torn or changed."""
    found = read_sealed(folder / RECORD)
    try:
        return None if found is None else Step.model_validate(found)
    except ValidationError:
        return None


def write_step(folder: Path, step: Step) -> None:
    """Write the record of the step in `folder`."""
    write_sealed(folder / RECORD, step)


def limit_steps(root: Path, used: Iterable[Path], limit: int = STEPS_LIMIT, max_age: float = STEPS_MAX_AGE_S) -> None:
    """Remove steps that earlier recipes left in the folder of a build, as far as they are too many or too old.

    Files and folders that no build made stay.

    Args:
        used: the folders that stay.
        max_age: seconds since the last use.
    """
    for group in GROUPS:
        kept = {path.name for path in used if path.parent.name == group}
        theirs = [path.name for path in (root / group).glob("[!.]*") if not (path / RECORD).is_file()]
        lru.prune(root / group, limit, max_age, kept, () if group == SCRATCH else theirs)


def usage(root: Path) -> lru.Usage:
    """Return what all steps in the folder of a build take."""
    found = [lru.usage(root / group) for group in GROUPS]
    return lru.Usage(
        sum(each.entries for each in found), sum(each.bytes for each in found), max(each.oldest_s for each in found)
    )


def prune_unused(root: Path) -> None:
    """Limit the steps in the folder of a build, as the end of a build does; the newest manifest says what is used.

    A folder without a manifest, in which a build was killed, and one in which a build works stay as they are.
    """
    if not (root / "manifest.json").is_file():
        return
    try:
        with FileLock(root.parent / f".{root.name}.lock", timeout=0):
            manifest = json.loads((root / "manifest.json").read_text(encoding="utf-8"))
            names = [step["name"] for step in manifest["steps"]]
            used = [root / group / name for group in GROUPS for name in names]
            used += [tried for group in GROUPS for name in names for tried in (root / group).glob(f"{escape(name)}~*")]
            listed = [*(artifact["path"] for artifact in manifest["artifacts"]), *manifest.get("files", {})]
            used += [root.joinpath(*Path(path).parts[:2]) for path in listed]
            limit_steps(root, used)
    except (OSError, ValueError, KeyError, TypeError, Timeout):
        return


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
        if (made := read_step(folder)) is None:
            raise MachineFailed(f"{folder}: the first process of this build left no result")
        return made
    scratch = scratch_root / f"{folder.name}-{step.key[:12]}"
    out, replaced = scratch / ("out" if rank() == 0 else f"out-{rank()}"), scratch / "replaced"
    done = cached(out, step.key) if world() == 1 else None  # the build was killed between making and moving
    if done is None:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        try:
            made = work(out, scratch / "training")
        except Exception:
            if not together:  # the others wait, and find no result
                wait()
                wait()
            raise
        done = made.model_copy(update={"files": {name: digest(file) for name, file in files_of(out)}})
        write_step(out, done)
        sync(out)
    wait()
    if rank() == 0:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(replaced, ignore_errors=True)
        if folder.exists():
            folder.rename(replaced)
        out.rename(folder)
        sync(folder.parent, deep=False)
        shutil.rmtree(scratch)
    wait()
    return done
