"""Digest of our own code that a result depends on, found by following its imports."""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_ROOT = "pocketbert.compress"
_FOLDER = Path(__file__).parents[1]
_IGNORED = f"{_ROOT}.base"
"""Its modules change no result: files, progress bars, errors."""


def digest_of(*modules: str) -> str:
    """Compute the SHA-256 of these modules and of every module of `pocketbert.compress` that they import.

    Imports inside functions count; imports below ``if TYPE_CHECKING`` and imports of `pocketbert.compress.base` do not.
    A module that is loaded by a computed name is not found: name it as well.

    Args:
        modules: full names, such as ``pocketbert.compress.stages.distill``.

    Raises:
        ModuleNotFoundError: one of `modules` does not exist.
    """
    text = "".join(f"{name}  {_digest(name)}\n" for name in modules_of(*modules))
    return hashlib.sha256(text.encode()).hexdigest()


def modules_of(*modules: str) -> list[str]:
    """List, sorted, the modules that `digest_of` reads."""
    found: set[str] = set()
    left = list(modules)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left.extend(_imported(name))
    return sorted(found)


def _file(name: str) -> Path | None:
    """Return the source file of one of our modules, or None."""
    if name != _ROOT and not name.startswith(f"{_ROOT}."):
        return None
    path = _FOLDER.joinpath(*name.removeprefix(_ROOT).split(".")[1:])
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


def _source(name: str) -> bytes:
    file = _file(name)
    if file is None:
        raise ModuleNotFoundError(f"no module {name} in {_FOLDER}", name=name)
    return file.read_bytes()


@cache
def _digest(name: str) -> str:
    return hashlib.sha256(_source(name)).hexdigest()


@cache
def _imported(name: str) -> tuple[str, ...]:
    names = _names(ast.parse(_source(name)))
    return tuple(each for each in names if _file(each) and not f"{each}.".startswith(f"{_IGNORED}."))


def _names(node: ast.AST) -> Iterator[str]:
    """Yield every name that may be an imported module; ``from a import b`` may mean `a` and `a.b`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.module:
            submodules = [f"{child.module}.{alias.name}" for alias in child.names]
            here = [each for each in submodules if _file(each)]
            yield from here
            if len(here) < len(submodules):
                yield child.module
        else:
            yield from _names(child)
