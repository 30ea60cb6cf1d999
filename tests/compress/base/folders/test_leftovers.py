"""A temporary folder goes with its block; one of a killed process goes with the next sweep, and nothing else does."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from pocketbert.compress.base.folders import leftovers
from pocketbert.compress.base.folders.leftovers import folder_beside, sweep, temporary_folder

HOLD = """
import sys
import tempfile
from pathlib import Path
from typing import Any
from pocketbert.compress.base.folders.leftovers import temporary_folder
with temporary_folder("work-", Path(sys.argv[1])) as folder:
    (folder / "sub").mkdir()
    (folder / "sub/file").write_text("left over")
    print(folder, flush=True)
    sys.stdin.read()
"""


def hold(parent: Path) -> tuple["subprocess.Popen[str]", Path]:
    """Start a process that holds a temporary folder until its input closes."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(parent)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def end(process: "subprocess.Popen[str]", kill: bool) -> None:
    if kill:
        process.send_signal(signal.SIGKILL)
    process.communicate()


def test_the_folder_ends_with_its_block(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), temporary_folder("work-", tmp_path) as folder:
        (folder / "file").touch()
        assert folder.parent == tmp_path
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    with temporary_folder("work-", tmp_path) as folder:
        leftovers.shutil.rmtree(folder)


def test_only_what_a_dead_process_left_is_swept(tmp_path: Path) -> None:
    (killed, left), (living, kept) = hold(tmp_path), hold(tmp_path)
    try:
        end(killed, kill=True)
        assert (left / "sub/file").exists()
        sweep("other-", tmp_path)
        assert left.exists()
        sweep("work-", tmp_path)
        assert not left.exists()
        assert (kept / "sub/file").exists()
    finally:
        end(living, kill=False)
    assert not kept.exists()


def test_the_owners_file_goes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is killed while it removes its folder leaves one that is still known as its own."""
    seen = []
    removed = leftovers.shutil.rmtree

    def watched(path: Path, **given: bool) -> None:
        seen.append((path.name[:4], sorted(inner.name for inner in folder.iterdir())))
        removed(path, **given)

    monkeypatch.setattr(leftovers.shutil, "rmtree", watched)
    with temporary_folder("work-", tmp_path) as folder:
        for name in ("a", "z"):
            (folder / name).touch()
        (folder / "sub").mkdir()
        (folder / "link").symlink_to(tmp_path)
    assert seen[-1] == ("work", [".owner"])
    assert all(".owner" in names for _, names in seen)
    assert tmp_path.is_dir()


def test_what_is_not_ours_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / ".owner").touch()
    (tmp_path / "work-link").symlink_to(outside)
    (tmp_path / "work-theirs").mkdir()
    (tmp_path / "work-theirs/file").touch()
    (tmp_path / "work-file").touch()
    sweep("work-", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside", "work-file", "work-link", "work-theirs"]
    (tmp_path / "work-theirs/.owner").touch()
    with monkeypatch.context() as patch:
        patch.setattr(os, "getuid", lambda: -1)
        sweep("work-", tmp_path)
    assert (tmp_path / "work-theirs/file").exists()
    sweep("work-", tmp_path)
    assert not (tmp_path / "work-theirs").exists()


def test_a_folder_that_is_swept_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first: list[leftovers.FileLock] = []
    made = Path.mkdir

    def slow(folder: Path, *given: Any, **named: Any) -> None:
        made(folder, *given, **named)
        if not first:
            first.append(leftovers.FileLock(folder / ".owner"))
            first[0].acquire()

    monkeypatch.setattr(Path, "mkdir", slow)
    with temporary_folder("work-", tmp_path) as folder:
        assert str(folder) != str(Path(first[0].lock_file).parent)


def test_a_name_that_is_taken_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work-00000000").mkdir()
    drawn = iter(["00000000", "11111111"])
    monkeypatch.setattr(leftovers.secrets, "token_hex", lambda _: next(drawn))
    with temporary_folder("work-", tmp_path) as folder:
        assert folder.name == "work-11111111"
    assert (tmp_path / "work-00000000").is_dir()


def test_a_signal_amid_the_making_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Path.mkdir

    def ended(folder: Path, *given: Any, **named: Any) -> None:
        made(folder, *given, **named)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "mkdir", ended)
    with pytest.raises(KeyboardInterrupt), temporary_folder("work-", tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_of_a_killed_process_is_swept(tmp_path: Path) -> None:
    """It was killed between making the folder and its owner's file, or between removing the two."""
    made = Path(tempfile.mkdtemp(prefix="work-", dir=tmp_path))
    for name in ("work-theirs", "work-12345678"):  # no name, or no rights, of ours
        (tmp_path / name).mkdir()
    sweep("work-", tmp_path)
    assert not made.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["work-12345678", "work-theirs"]


@pytest.mark.parametrize("moment", ["acquire", "rmtree"])
def test_ctrl_c_while_a_folder_is_made_or_removed_leaves_nothing(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = leftovers.FileLock if moment == "acquire" else leftovers.shutil
    real = getattr(target, moment)

    def interrupted(*given: object, **options: object) -> None:
        monkeypatch.setattr(target, moment, real)
        raise KeyboardInterrupt

    monkeypatch.setattr(target, moment, interrupted)
    with pytest.raises(KeyboardInterrupt), temporary_folder("work-", tmp_path) as folder:
        (folder / "sub").mkdir()
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_was_killed_leaves_its_folder_to_the_next_one(tmp_path: Path) -> None:
    with folder_beside(tmp_path / "student.onnx") as folder:
        assert folder.parent == tmp_path
        (folder / "float.onnx").touch()
        (left := tmp_path / folder.name.replace(folder.name[-8:], "0" * 8)).mkdir()
        (left / ".owner").touch()
        (left / "float.onnx").touch()
        with folder_beside(tmp_path / "other.onnx"):
            assert not left.exists()
            assert (folder / "float.onnx").exists(), "its process lives"
    assert not list(tmp_path.iterdir())
