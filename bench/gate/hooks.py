"""Calls the hooks of `pocketbert.bench.gate.hookspec` and checks what they return."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import FiniteFloat, TypeAdapter, ValidationError

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.manifest import Manifest, inside

_KINDS: dict[str, tuple[Any, str]] = {
    "machine_info": (dict[str, str], "a dictionary of texts"),
    "commit_info": (str, "a text"),
    "figures": (dict[str, FiniteFloat], "a dictionary of finite numbers"),
}


def call_hooks(config: pytest.Config, manifest: Manifest, folder: Path) -> dict[str, Any]:
    """Return the fields of `Results` that the project's hooks set. Of several conftest.py files the innermost wins.

    Raises:
        BadInput: a hook returned a value of another type.
    """
    figures = {a.id: _call(config, "figures", artifact=a, path=inside(folder, a.path)) for a in manifest.artifacts}
    commits = _call(config, "commit_info")
    return {
        "machine_info": _merged(_call(config, "machine_info")),
        "figures": {name: _merged(found) for name, found in figures.items() if found},
        **({"commit": commits[0]} if commits else {}),
    }


def _call(config: pytest.Config, name: str, **values: Any) -> list[Any]:
    kind, expected = _KINDS[name]
    found: list[Any] = getattr(config.hook, f"pytest_pocketbert_{name}")(config=config, **values)
    for each in found:
        try:
            TypeAdapter(kind).validate_python(each, strict=True)
        except ValidationError as error:
            raise BadInput(f"conftest.py: pytest_pocketbert_{name} returned {each!r}; expected {expected}") from error
    return found


def _merged(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: value for each in reversed(found) for name, value in each.items()}
