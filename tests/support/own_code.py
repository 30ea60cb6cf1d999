"""A copy of `compress/` that cache keys are computed from, so that a test can edit it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pocketbert.compress.base import own_code
from tests.support import REPO

Edit = Callable[[str], None]


@contextmanager
def editable_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Edit]:
    """Yield a function that adds a line to a file of the copy in `folder`, which is read in place of the real one."""

    def forget() -> None:
        own_code._digest.cache_clear()
        own_code._imported.cache_clear()

    shutil.copytree(REPO / "compress", folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(own_code, "_FOLDER", folder)
    forget()

    def add_a_line(file: str) -> None:
        with (folder / file).open("a", encoding="utf-8") as stream:
            stream.write("\nADDED = 1\n")
        forget()

    yield add_a_line
    forget()
