"""Atomic writing of our own files, reading with a checked schema, and digests."""

import hashlib
import json
import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.explain import explain

Model = TypeVar("Model", bound=BaseModel)
_LEVEL = 6  # the default of zip, and so of apk and ipa tools
_CHUNK = 1 << 20


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it is renamed to `path` when the block succeeds, removed when it fails.

    A reader never sees half a file. The parent folder is created. The suffix is kept, because writers choose the
    format by it. The block may also write a folder; a folder that exists at `path` is replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        yield temporary
        if path.is_dir():
            shutil.rmtree(path)
        temporary.replace(path)
    finally:
        remove(temporary)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it exists."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def deflated_bytes(file: Path) -> int:
    """Return the bytes of `file` compressed with DEFLATE, as in a zip archive or an app bundle."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    size = 0
    with file.open("rb") as stream:
        while piece := stream.read(_CHUNK):
            size += len(packer.compress(piece))
    return size + len(packer.flush())


def write_json(path: Path, value: BaseModel | dict[str, Any]) -> None:
    """Write JSON atomically."""
    plain = value.model_dump(mode="json", by_alias=True) if isinstance(value, BaseModel) else value
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(plain, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path, kind: type[Model], schema: int, hint: str, fix: str = "") -> Model:
    """Read one of our own files: JSON whose ``schema`` is the given number, validated as `kind`.

    Args:
        hint: end of the message for a missing file, such as the command that writes it.
        fix: end of the message for another schema.

    Raises:
        BadInput: the file is missing, not JSON, of another schema, or a field is wrong.
    """
    if not path.is_file():
        raise BadInput(f"{path}: {hint}")
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        at = f"line {error.lineno}, " if isinstance(error, json.JSONDecodeError) else ""
        raise BadInput(f"{path}: {at}not JSON") from error
    if not isinstance(raw, dict) or raw.get("schema") != schema:
        found = raw.get("schema") if isinstance(raw, dict) else type(raw).__name__
        raise BadInput(f"{path}: schema is {found!r}, this version reads {schema}{fix}")
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        raise BadInput(f"{path}: {explain(error, kind)}") from error


def as_typed(path: Path) -> str:
    """Return a path as a user would type it: relative to the current folder if it lies below that."""
    here = Path.cwd()
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder's sorted list of ``name  sha256``."""
    if path.is_dir():
        listing = "".join(f"{name}  {digest(file)}\n" for name, file in files_of(path))
        return hashlib.sha256(listing.encode()).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def files_of(path: Path) -> Iterator[tuple[str, Path]]:
    """Yield (name inside the artifact, path) of each of its files, sorted; an artifact may be a single file."""
    if path.is_file():
        yield path.name, path
        return
    for file in sorted(path.rglob("*")):
        if file.is_file():
            yield file.relative_to(path).as_posix(), file
