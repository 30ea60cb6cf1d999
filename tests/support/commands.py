"""The command line, in a process of its own and in this one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pocketbert.bench.cli import main
from tests.support import REPO


def pocketbert(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as a user does; a process that needs PyTorch takes seconds to import it."""
    code = "from pocketbert.bench.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(REPO)},
    )


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run a command in this process and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["pocketbert", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)
