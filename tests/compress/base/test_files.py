"""Files are written whole or not at all, and read only with the right schema."""

import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from pydantic import Field

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import (
    as_typed,
    atomic_write,
    deflated_bytes,
    digest,
    files_of,
    read_json,
    remove,
    write_json,
)
from pocketbert.compress.base.strict import Strict


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


class Note(Strict):
    """A file of ours."""

    version: int = Field(3, alias="schema")
    text: str


def test_a_reader_sees_the_old_file_until_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "new" / "model.onnx"
    with atomic_write(path) as temporary:
        assert temporary.suffix == ".onnx", "writers choose the format by the suffix"
        temporary.write_text("first")
        assert not path.exists()
    assert path.read_text() == "first"
    with atomic_write(path) as temporary:
        temporary.write_text("second")
        assert path.read_text() == "first"
    assert path.read_text() == "second"
    assert names(path.parent) == ["model.onnx"]


@pytest.mark.parametrize("folder", [False, True])
def test_a_failed_block_leaves_the_old_file_and_nothing_else(tmp_path: Path, folder: bool) -> None:
    path = tmp_path / "kept"
    path.write_text("old")

    def fail() -> None:
        with atomic_write(path) as temporary:
            if folder:
                temporary.mkdir()
                (temporary / "half").write_text("half")
            else:
                temporary.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["kept"]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "model"
    for name in ("old", "new"):
        with atomic_write(path) as temporary:
            temporary.mkdir()
            (temporary / name).touch()
    assert names(path) == ["new"]


def test_a_killed_process_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text("old")
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from pocketbert.compress.base.files import atomic_write\n"
        "with atomic_write(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", script, str(path)]).returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    assert [name for name in names(tmp_path) if not name.startswith(".")] == ["model.json"]
    write_json(path, {"a": "new"})  # what the dead process left is in nobody's way
    assert '"new"' in path.read_text()


def test_remove_takes_files_folders_and_nothing(tmp_path: Path) -> None:
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.touch()
    (folder / "inner").mkdir(parents=True)
    for path in (file, folder, tmp_path / "missing"):
        remove(path)
    assert names(tmp_path) == []


def test_what_is_written_is_read(tmp_path: Path) -> None:
    note = Note(text="好")
    write_json(tmp_path / "note.json", note)
    assert "好" in (tmp_path / "note.json").read_text(encoding="utf-8")
    assert read_json(tmp_path / "note.json", Note, 3, "") == note


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, r"note\.json: write one first$"),
        (b'{"schema": 3,\n "text" "a"}', r"note\.json: line 2, not JSON$"),
        (b"\xff\xfe", r"note\.json: not JSON$"),
        (b"[]", r"note\.json: schema is 'list', this version reads 3; write it again$"),
        (b'{"text": "a"}', r"note\.json: schema is None, this version reads 3; write it again$"),
        (b'{"schema": 2, "text": "a"}', r"note\.json: schema is 2, this version reads 3; write it again$"),
        (b'{"schema": 3, "text": 5}', r"note\.json: text = 5: expected text"),
        (b'{"schema": 3, "text": "a", "more": 1}', r"note\.json: more: unknown key"),
    ],
)
def test_a_file_that_is_not_ours_is_refused_in_one_line(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "note.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match=said) as refused:
        read_json(path, Note, 3, "write one first", fix="; write it again")
    assert "\n" not in str(refused.value)


def test_deflated_bytes_are_those_of_a_zip_archive(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"".join(f"{number} {number % 997}\n".encode() for number in range(200_000)))
    with zipfile.ZipFile(tmp_path / "app.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(file, "weights")
    assert deflated_bytes(file) == archive.getinfo("weights").compress_size


def test_the_digest_of_a_folder_covers_names_and_contents(tmp_path: Path) -> None:
    def written(folder: str, files: dict[str, str]) -> str:
        for name, text in files.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return digest(tmp_path / folder)

    same = written("a", {"b/c": "1", "a": "2"})
    assert written("b", {"a": "2", "b/c": "1"}) == same
    others = [written("c", {"b/c": "1", "a": "3"}), written("d", {"b/d": "1", "a": "2"}), written("e", {"a": "2"})]
    assert len({same, *others}) == 4
    assert [name for name, _ in files_of(tmp_path / "a")] == ["a", "b/c"]
    assert list(files_of(tmp_path / "a" / "a")) == [("a", tmp_path / "a" / "a")]


def test_a_path_is_shown_as_a_user_types_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert as_typed(tmp_path / "reports" / "mine.json") == "reports/mine.json"
    assert as_typed(tmp_path.parent / "mine.json") == (tmp_path.parent / "mine.json").as_posix()
    assert as_typed(Path("mine.json")) == "mine.json"
