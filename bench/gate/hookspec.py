"""Hooks for a project's conftest.py (docs/extending.md). A gate run calls them before it measures."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from pocketbert.compress.manifest import Artifact


def pytest_pocketbert_machine_info(config: "pytest.Config") -> dict[str, str] | None:
    """Return facts about this machine that pocketbert cannot read, such as the type of a cloud instance.

    The results keep them under ``machine_info``. They do not change the machine's fingerprint.
    """


def pytest_pocketbert_commit_info(config: "pytest.Config") -> str | None:
    """Return the commit that this run measures; None: the output of ``git rev-parse HEAD``."""


def pytest_pocketbert_figures(config: "pytest.Config", artifact: "Artifact", path: Path) -> dict[str, float] | None:
    """Return figures of your own for an artifact, whose file or folder is `path`; each name ends in its unit.

    The results keep them under ``figures``, by artifact. The gate does not compare them with the baseline.
    """
