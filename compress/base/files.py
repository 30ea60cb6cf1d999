"""How our own files are written (whole or not at all) and read (of the right schema, or refused in one line)."""

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

Model = TypeVar("Model", bound=BaseModel)
_LEVEL = 6  # what zip, and so apk and ipa tools, use unless told otherwise
_CHUNK = 1 << 20


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`, renamed to it when the block ends well: a reader never sees half a file.

    The folder is made if need be, and what a failed block left is removed. The suffix is kept: writers go by it.
    What is written may be a folder, too; one that stands at `path` is then removed first.
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
    """Take away a file or a folder, if there is one."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def deflated_bytes(file: Path) -> int:
    """What `file` takes inside a zip archive, and so inside an app bundle."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    size = 0
    with file.open("rb") as stream:
        while piece := stream.read(_CHUNK):
            size += len(packer.compress(piece))
    return size + len(packer.flush())


def write_json(path: Path, value: BaseModel | dict[str, Any]) -> None:
    """Write JSON, whole or not at all."""
    plain = value.model_dump(mode="json", by_alias=True) if isinstance(value, BaseModel) else value
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(plain, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path, kind: type[Model], schema: int, hint: str, mend: str = "") -> Model:
    """A file of ours: JSON with that number under ``schema``, valid as `kind`.

    Args:
        hint: what to say when the file is not there, such as the command that writes one.
        mend: what to say when it is of another schema.

    Raises:
        BadInput: it is not there, not JSON, of another schema, or a field is wrong.
    """
    if not path.is_file():
        raise BadInput(f"{path}: {hint}")
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise BadInput(f"{path}: not JSON ({error})") from error
    if not isinstance(raw, dict) or raw.get("schema") != schema:
        found = raw.get("schema") if isinstance(raw, dict) else type(raw).__name__
        raise BadInput(f"{path}: schema is {found!r}, this version reads {schema}{mend}")
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def as_typed(path: Path) -> str:
    """A path as one would type it: below the current folder it is relative to that."""
    here = Path.cwd()
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()


def digest(path: Path) -> str:
    """SHA-256 of a file, or of a folder's sorted ``name  sha256`` list, so that a folder is one addressable thing."""
    if path.is_dir():
        listing = "".join(f"{name}  {digest(file)}\n" for name, file in files_of(path))
        return hashlib.sha256(listing.encode()).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def files_of(path: Path) -> Iterator[tuple[str, Path]]:
    """Every file of an artifact with its name inside it, sorted; a single file is its own only member."""
    if path.is_file():
        yield path.name, path
        return
    for file in sorted(path.rglob("*")):
        if file.is_file():
            yield file.relative_to(path).as_posix(), file
