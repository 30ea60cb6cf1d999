"""Every failure of the machine or a library is one line, and its traceback is in the log."""

import errno
import subprocess
from pathlib import Path

import numpy as np
import pytest

from pocketbert.compress.base.errors import BadInput, CheckFailed, MachineFailed
from pocketbert.compress.base.failures import failures_logged, machine_failure

FULL = "the disk is full"
MEMORY = "the machine is out of memory"
GPU = "the GPU is out of memory"
FAILURES = [
    (OSError(errno.ENOSPC, "No space left on device", "a/model"), FULL),
    (OSError(errno.EDQUOT, "Disk quota exceeded"), FULL),
    (RuntimeError("[enforce fail at inline_container.cc:858] . PytorchStreamWriter failed writing file data/7"), FULL),
    (RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 576 vs 470"), FULL),
    (Exception("Error while serializing: I/O error: No space left on device (os error 28)"), FULL),
    (OSError("1250 requested and 376 written"), FULL),
    (RuntimeError("basic_ios::clear: iostream error"), FULL),
    (MemoryError(), MEMORY),
    (OSError(errno.ENOMEM, "Cannot allocate memory"), MEMORY),
    (RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: 9 bytes"), MEMORY),
    (RuntimeError("std::bad_alloc"), MEMORY),
    (np._core._exceptions._ArrayMemoryError((9, 9), np.dtype("f4")), MEMORY),  # type: ignore[attr-defined]
    (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), GPU),
    (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), GPU),
]


@pytest.mark.parametrize(("error", "told"), FAILURES, ids=lambda value: str(value)[:30])
def test_a_full_disk_and_exhausted_memory_are_recognised(error: Exception, told: str) -> None:
    assert (machine_failure(error) or "").startswith(told)
    wrapped = BadInput("model: cannot be read")
    wrapped.__cause__ = error
    assert machine_failure(wrapped) == machine_failure(error)
    assert machine_failure(ExceptionGroup("several", [ValueError("x"), error])) == machine_failure(error)


def test_other_errors_are_neither() -> None:
    for error in (ValueError("2 rows requested, 3 found"), BadInput("no space left: a folder's name"), KeyError("x")):
        assert machine_failure(error) is None


def test_the_traceback_is_in_the_log_and_the_line_says_where(tmp_path: Path) -> None:
    log = tmp_path / "artifacts/tiny/build.log"
    with pytest.raises(MachineFailed) as failed, failures_logged(log):
        raise TypeError("no\x1b[31m order\nsecond line")
    assert str(failed.value) == f"failed unexpectedly: no\\x1b[31m order (traceback: {log})"
    assert "Traceback (most recent call last)" in log.read_text()
    assert "second line" in log.read_text()
    with pytest.raises(MachineFailed, match="the disk is full"), failures_logged(log):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert "second line" in log.read_text(), "an older traceback was lost"


def test_an_outer_block_leaves_what_an_inner_one_has_told(tmp_path: Path) -> None:
    with pytest.raises(MachineFailed) as failed, failures_logged(tmp_path / "outer"), failures_logged(tmp_path / "in"):
        raise MemoryError
    assert str(failed.value).endswith(f"(traceback: {tmp_path / 'in'})")
    assert not (tmp_path / "outer").exists()


@pytest.mark.parametrize("error", [BadInput("x"), CheckFailed("x"), KeyboardInterrupt()], ids=repr)
def test_what_is_no_failure_of_the_machine_passes(error: BaseException, tmp_path: Path) -> None:
    with pytest.raises(type(error)), failures_logged(tmp_path / "log"):
        raise error
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOTDIR, errno.ENAMETOOLONG])
def test_a_path_that_cannot_be_used_is_bad_input(number: int, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"^out: "), failures_logged(tmp_path / "log"):
        raise OSError(number, "text of the system", "out")


def test_a_log_that_cannot_be_written_changes_no_exit(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MachineFailed, match="the traceback could not be written"), failures_logged(tmp_path / "file/x"):
        raise subprocess.SubprocessError("x")
