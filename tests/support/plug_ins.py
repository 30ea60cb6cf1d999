"""A plug-in as a user adds it: one new file in the folder of a package."""

from pathlib import Path
from types import ModuleType

import pytest


def add_module(monkeypatch: pytest.MonkeyPatch, package: ModuleType, name: str, source: str, parent: Path) -> None:
    """Make `package` hold a module of that name, in a folder below `parent`, until the test ends."""
    folder = parent / "plug-in"
    folder.mkdir()
    (folder / f"{name}.py").write_text(source, encoding="utf-8")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
