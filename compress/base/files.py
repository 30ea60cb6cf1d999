"""Atomic writing of our own files, reading with a checked schema, and digests."""

import hashlib
import json
import mmap
import os
import platform
import re
import shutil
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.explain import explain
from pocketbert.compress.base.paths import DOCUMENT, check_file, exists

Model = TypeVar("Model", bound=BaseModel)
_SEAL = "sha256"
_LEVEL = 6  # the default of zip, and so of apk and ipa tools
_CHUNK = 1 << 20
_TEMPORARY = re.compile(r"^\..*\.(?P<process>\d+)(-(?P<ids>[0-9a-f]{8}))?\.tmp(\.[^.]*)?$")
"""Names of `atomic_write`; older versions wrote the process id alone."""
_LARGEST = 1e100
"""The largest magnitude of a figure in our files; products and squares of figures are finite, too."""
_FOREIGN = 86_400.0
"""Seconds after which a temporary file of another machine or container is removed."""


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it is renamed to `path` when the block succeeds, removed when it fails.

    A reader never sees half a file, and after a power failure the file is the old or the new one. The parent folder is
    created, and what killed processes left in it is removed. The suffix is kept, because writers choose the format by
    it. The block may also write a folder; a folder that exists at `path` is replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep_temporaries(path.parent)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}-{_process_ids()}.tmp{path.suffix}")
    try:
        yield temporary
        sync(temporary)
        if path.is_dir():
            shutil.rmtree(path)
        temporary.replace(path)
        sync(path.parent, deep=False)
    finally:
        remove(temporary)


def sweep_temporaries(folder: Path) -> None:
    """Remove the temporary files in `folder` whose process has died.

    A process of another container or machine, or before a restart, may have the same id: its files stay for a day.
    """
    for path in folder.glob(".*.tmp*"):
        if (found := _TEMPORARY.search(path.name)) is None:
            continue
        with suppress(OSError):  # it went away meanwhile, or is not ours
            ours, number = found["ids"] == _process_ids(), int(found["process"])
            if not _alive(number) if ours else time.time() - path.lstat().st_mtime > _FOREIGN:
                remove(path)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


@cache
def _process_ids() -> str:
    """Return a digest of the system's start and container, within which a process id means one process."""
    parts = [platform.node()]
    with suppress(OSError):  # a system without these has one set of processes
        parts += [Path("/proc/sys/kernel/random/boot_id").read_text(), str(Path("/proc/self/ns/pid").readlink())]
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:8]


def sync(path: Path, deep: bool = True) -> None:
    """Wait until a file, or a folder with all that it holds, is on the disk.

    Args:
        deep: False: of a folder, its list of names alone.
    """
    if deep and path.is_dir():
        for inner in path.iterdir():
            sync(inner)
    with suppress(PermissionError):  # a read-only file, or a system without folders that can be opened
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


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


def write_sealed(path: Path, value: BaseModel | dict[str, Any]) -> None:
    """Write a JSON object with its own SHA-256 atomically; `read_sealed` notices a change."""
    plain = value.model_dump(mode="json", by_alias=True) if isinstance(value, BaseModel) else value
    write_json(path, {**plain, _SEAL: _seal_of(plain)})


def read_sealed(path: Path) -> dict[str, Any] | None:
    """Read what `write_sealed` wrote; None if the file is missing, torn or changed."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        sealed = found.pop(_SEAL) == _seal_of(found)
    except (OSError, ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return None
    return found if sealed else None


def record_digests(record: Path, files: Iterable[Path], **figures: float) -> None:
    """Write to `record` the digests of `files`, which are in its folder, and figures about them."""
    names = {file.relative_to(record.parent).as_posix(): digest(file) for file in files}
    write_sealed(record, {"files": names, "figures": figures})


def recorded_figures(record: Path) -> dict[str, float] | None:
    """Return the figures of `record_digests`; None if the record or one of its files is missing, torn or changed."""
    found = read_sealed(record)
    try:
        if found and all(digest(record.parent / name) == sha256 for name, sha256 in found["files"].items()):
            figures: dict[str, float] = found["figures"]
            return figures
    except OSError:
        pass
    return None


def _seal_of(plain: dict[str, Any]) -> str:
    as_read = json.loads(json.dumps(plain))  # keys that are numbers become text
    return hashlib.sha256(json.dumps(as_read, sort_keys=True).encode()).hexdigest()


def _figure(text: str) -> float:
    value = float(text)
    if isfinite(value) and abs(value) > _LARGEST:
        raise BadInput(f"{text[:40]} is too large; expected a number from -1e100 to 1e100")
    return value if isfinite(value) else _refuse(text)


def _count(text: str) -> int:
    value = int(text)
    if not -(2**63) <= value < 2**63:
        raise BadInput(f"{text[:40]} is a whole number of more than 64 bits")
    return value


def _refuse(text: str) -> NoReturn:
    raise BadInput(f"{text} is not a finite number")


def each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object of these keys and values of a JSON file; raises `BadInput` if it has a key twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise BadInput(f"an object has the key {next(name for name in found if names.count(name) > 1)!r} twice")
    return found


def read_json(path: Path, kind: type[Model], schema: int, hint: str, fix: str = "") -> Model:
    """Read one of our own files: JSON whose ``schema`` is the given number, validated as `kind`.

    Args:
        hint: end of the message for a missing file, such as the command that writes it.
        fix: end of the message for another schema.

    Raises:
        BadInput: the file is missing, not JSON, of another schema, a key is in it twice, or a field is wrong.
    """
    check_file(path, DOCUMENT)
    if not exists(path):
        raise BadInput(f"{path}: {hint}")
    try:
        text = path.read_text(encoding="utf-8-sig")
        raw = json.loads(
            text, parse_constant=_refuse, parse_float=_figure, parse_int=_count, object_pairs_hook=each_key_once
        )
    except RecursionError as error:
        raise BadInput(f"{path}: lists or objects are nested too deeply") from error
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from error
    except BadInput as error:
        raise BadInput(f"{path}: {error}; restore the file, or write it again") from error
    except ValueError as error:
        if not isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
            raise BadInput(f"{path}: a number has thousands of digits") from error
        at = f"line {error.lineno}, " if isinstance(error, json.JSONDecodeError) else ""
        raise BadInput(f"{path}: {at}not JSON") from error
    if not isinstance(raw, dict) or raw.get("schema") != schema:
        found = raw.get("schema") if isinstance(raw, dict) else type(raw).__name__
        raise BadInput(f"{path}: schema is {found!r}, this version reads {schema}{fix}")
    try:
        if "\\ud" in text.lower():  # an escape that may be half of a character, which no file can be written with
            json.dumps(raw, ensure_ascii=False).encode()
        return kind.model_validate(raw)
    except ValidationError as error:
        raise BadInput(f"{path}: {explain(error, kind)}") from error
    except UnicodeEncodeError as error:
        raise BadInput(f"{path}: a key or a text holds half of a character") from error


def as_typed(path: Path) -> str:
    """Return a path as a user would type it: relative to the current folder if it lies below that."""
    here = Path.cwd()
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, or of the sorted list of ``name  sha256`` of a folder or of several files."""
    check_file(path)
    files = list(files_of(path))
    if path.is_dir() or len(files) > 1:
        listing = "".join(f"{name}  {_sha256(file)}\n" for name, file in files)
        return hashlib.sha256(listing.encode()).hexdigest()
    return _sha256(path)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def files_of(path: Path) -> Iterator[tuple[str, Path]]:
    """Yield (name inside the artifact, path) of each of its files, sorted.

    An artifact may be a single file. The weights of an ONNX file may be in files beside it.

    Raises:
        BadInput: a file is a pipe, a device or a sparse file, its links have no end, or weights are missing or outside
            of the folder.
    """
    if path.is_file():
        yield from sorted([(path.name, path), *_weights_beside(path)], key=lambda named: Path(named[0]))
        return
    for file in sorted(path.rglob("*")):
        check_file(file)
        if file.is_file():
            yield file.relative_to(path).as_posix(), file


def _weights_beside(path: Path) -> Iterator[tuple[str, Path]]:
    """Yield (name, path) of the files with the weights of an ONNX file, wherever in the graph these are used."""
    if path.suffix != ".onnx" or not _mentions(path, b"location"):
        return
    import onnx
    from google.protobuf.message import DecodeError
    from onnx.external_data_helper import ExternalDataInfo, _get_all_tensors, uses_external_data

    try:
        tensors = _get_all_tensors(onnx.load(str(path), load_external_data=False))
        names = {ExternalDataInfo(tensor).location for tensor in tensors if uses_external_data(tensor)}
    except DecodeError:  # not a graph; the runtime will say so
        return
    for name in names:
        file = path.parent / name
        check_file(file)
        if not name or not file.resolve().is_relative_to(path.parent.resolve()):
            raise BadInput(f"{path}: its weights are in {name!r}, outside of its folder; put them beside it")
        if not exists(file):
            raise BadInput(f"{path}: its weights are in {name!r}, which does not exist; put the file there")
        yield name, file


def _mentions(file: Path, word: bytes) -> bool:
    """Return whether the bytes of `word` are in the file: much faster than to parse a large graph."""
    if not file.stat().st_size:
        return False
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(word) >= 0
