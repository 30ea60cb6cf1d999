"""Pinned baselines, such as those of releases: `baselines/pinned/<name>/<recipe>.json`, with limits of their own.

The files of a pinned baseline stay in the artifact store, which never removes what a baseline names (`protected`).
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from pocketbert.bench.records.baseline import PINNED, Baseline, Thresholds, load_baseline
from pocketbert.bench.records.since import Since
from pocketbert.bench.records.store import Store
from pocketbert.bench.records.updates import since
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.explain import explain
from pocketbert.compress.base.files import as_typed, write_json
from pocketbert.compress.base.paths import DOCUMENT, check_file

_TIMES = 2
"""The limits of a pinned baseline are the usual ones times this, where no others are given."""
_NAME = re.compile(r"\w[\w.-]*")
_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")


def path_of(baselines: Path, name: str, recipe: str) -> Path:
    """Return the path of a pinned baseline.

    Raises:
        BadInput: the name has other characters than letters, digits, ``.``, ``-`` and ``_``.
    """
    if not _NAME.fullmatch(name):
        raise BadInput(f"pin {name!r}: allowed are letters, digits, '.', '-' and '_', with a letter or digit first")
    return baselines / PINNED / name / f"{recipe}.json"


def open_pin(baselines: Path, name: str, recipe: str) -> Path:
    """Return the path of a pinned baseline that exists.

    Raises:
        BadInput: the recipe has no pinned baseline of that name.
    """
    path = path_of(baselines, name, recipe)
    if not path.is_file():
        names = ", ".join(sorted(found.parent.name for found in pins_of(baselines, recipe))) or "none"
        raise BadInput(
            f"--gate-against {name}: {as_typed(path)}: no such file; pinned baselines of {recipe!r}: {names}; pin the "
            f"current one with: pocketbert baseline pin {name}"
        )
    return path


def pin(baseline: Baseline, path: Path, store: Store, limits: Mapping[str, float]) -> None:
    """Write `baseline` to `path`, with these limits, or twice its own ones.

    Raises:
        BadInput: one of its files is not in the store, a limit is not allowed, or `path` exists.
    """
    if path.exists():
        raise BadInput(f"{as_typed(path)}: there is a pin of that name; choose another name, or delete the file")
    for artifact, entry in baseline.artifacts.items():
        for what, sha256 in (("file", entry.sha256), ("tokenizer", entry.tokenizer_sha256)):
            if store.find(sha256) is None:
                raise BadInput(
                    f"{artifact}: the baseline's {what} {sha256[:12]} is not in the artifact store, so it cannot be "
                    "kept; build that version and run its gate, which stores the files"
                )
    try:
        usual = baseline.thresholds.times(_TIMES)
        others = {p: {m: x for m, x in each.items() if m not in limits} for p, each in usual["artifacts"].items()}
        thresholds = Thresholds(**{**usual, **limits, "artifacts": others})
    except ValidationError as error:
        raise BadInput(f"limits of pin {path.parent.name!r}: {explain(error, Thresholds)}") from error
    write_json(path, baseline.model_copy(update={"thresholds": thresholds}))


def updates_since(baselines: Path, current: Baseline) -> list[Since]:
    """Return what the updates since each pinned baseline of this recipe add up to; one that cannot be read says so."""
    found = []
    for path in sorted(pins_of(baselines, current.recipe)):
        try:
            pinned = load_baseline(path)
        except BadInput as refused:
            found.append(Since(pin=path.parent.name, problem=str(refused)))
            continue
        found.append(since(path.parent.name, pinned.updates, pinned.created, current.updates, current.created))
    return found


def protected(baselines: Path, *further: Path) -> set[str]:
    """Return every digest in the baselines, pinned ones included: what they name stays in the artifact store.

    Args:
        further: baselines outside the folder.
    """
    digests: set[str] = set()
    for path in (*baselines.rglob("*.json"), *further):
        with suppress(OSError, BadInput):  # no file, or one without an end
            check_file(path, DOCUMENT)
            digests.update(_SHA256.findall(path.read_text(encoding="utf-8", errors="replace")))
    return digests


def pins_of(baselines: Path, recipe: str) -> Iterator[Path]:
    """Yield the paths of the recipe's pinned baselines."""
    return (baselines / PINNED).glob(f"*/{recipe}.json")
