import sys
from pathlib import Path

import pytest

from pocketbert.bench.machine.fingerprint import read_machine
from pocketbert.bench.machine.interpreter import read_versions
from pocketbert.compress.base.errors import BadInput


def script(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_this_interpreter_has_the_versions_of_this_process() -> None:
    assert read_versions(Path(sys.executable), []) == read_machine().versions


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("exit 3", r"python: exit status 3; expected: Python 3\.11 or later with numpy, onnxruntime$"),
        ("echo 'cannot import onnxruntime' >&2; exit 1", r"python: cannot import onnxruntime; expected: Python 3\.11 "),
        ("echo hello", r"python: printed 'hello\\n'; expected: a Python executable$"),
    ],
)
def test_a_program_that_is_no_usable_python_is_refused(tmp_path: Path, body: str, message: str) -> None:
    with pytest.raises(BadInput, match=message) as refused:
        read_versions(script(tmp_path / "python", body), ["onnxruntime"])
    assert str(refused.value).startswith(f"--gate-baseline-python {tmp_path}/python: ")


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    python = script(tmp_path / "python", f'exec "{sys.executable}" -S "$@"')  # no site-packages
    with pytest.raises(BadInput, match=r"python: cannot import numpy; expected: Python 3\.11 or later with numpy$"):
        read_versions(python, [])


def test_a_path_without_a_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nothing: cannot be run \(No such file or directory\); expected: a Python"):
        read_versions(tmp_path / "nothing", [])
