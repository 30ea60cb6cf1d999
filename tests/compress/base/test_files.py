"""Files are written whole or not at all, and read only with the right schema."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper
from pydantic import Field

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import (
    as_typed,
    atomic_write,
    deflated_bytes,
    digest,
    files_of,
    read_json,
    read_sealed,
    record_digests,
    recorded_figures,
    remove,
    sweep_temporaries,
    write_json,
    write_sealed,
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
    write_json(path, {"a": "new"})
    assert '"new"' in path.read_text()
    assert names(tmp_path) == ["model.json"], "what the dead process left is removed"


def test_temporary_files_of_living_and_of_foreign_processes_stay(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "mine.onnx") as temporary:
        temporary.touch()
        living, ids = temporary.name, temporary.name.split("-")[1].split(".")[0]
        dead = subprocess.Popen([sys.executable, "-c", ""])
        dead.wait()
        for name in (f".a.{dead.pid}-{ids}.tmp.onnx", f".b.{dead.pid}-{ids}.tmp"):
            (tmp_path / name).touch()
        (tmp_path / f".c.{dead.pid}-{ids}.tmp").mkdir()
        foreign, others = f".d.{dead.pid}-00000000.tmp.npy", ".e.tmp.x"
        for name in (foreign, others):
            (tmp_path / name).touch()
        sweep_temporaries(tmp_path)
        assert names(tmp_path) == sorted([living, foreign, others])
        os.utime(tmp_path / foreign, (0, 0))
        sweep_temporaries(tmp_path)
        assert names(tmp_path) == sorted([living, others])


def test_what_is_renamed_into_place_is_on_the_disk_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda it: (synced.append(Path(f"/proc/self/fd/{it}").readlink().name), fsync(it)))
    with atomic_write(tmp_path / "model") as temporary:
        (temporary / "inner").mkdir(parents=True)
        (temporary / "inner/weights").touch()
        assert not synced
    assert synced == ["weights", "inner", temporary.name, tmp_path.name]


def test_a_sealed_file_tells_when_it_was_changed(tmp_path: Path) -> None:
    path, content = tmp_path / "record.json", {"heads": {9: [0]}, "10": 0.1, "text": "好"}
    write_sealed(path, content)
    assert read_sealed(path) == {"heads": {"9": [0]}, "10": 0.1, "text": "好"}
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert read_sealed(path) in (None, read_json_of(whole)), f"byte {at}"
        path.write_bytes(whole[:at])
        assert read_sealed(path) in (None, read_json_of(whole)), f"cut at byte {at}"
    for other in (b"[]", b"{}", b"null", b'{"sha256": 3}', b"[" * 10**5):
        path.write_bytes(other)
        assert read_sealed(path) is None


def read_json_of(sealed: bytes) -> object:
    return {name: value for name, value in json.loads(sealed).items() if name != "sha256"}


def test_recorded_figures_are_those_of_these_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    record = tmp_path / "record.json"
    assert recorded_figures(record) is None
    record_digests(record, [tmp_path / "a", tmp_path / "b"], seconds=1.5)
    assert recorded_figures(record) == {"seconds": 1.5}
    (tmp_path / "b").write_text("c")
    assert recorded_figures(record) is None
    (tmp_path / "b").unlink()
    assert recorded_figures(record) is None


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
    (tmp_path / "note.json").write_text('{"schema": 3, "text": "好"}', encoding="utf-8-sig")
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
        (b'{"schema": 3, "text": ' + b"[" * 100_000, r"note\.json: lists or objects are nested too deeply$"),
        (b'{"schema": 3, "text": ' + b"7" * 5000 + b"}", r"note\.json: a number has thousands of digits$"),
        (
            b'{"schema": 3, "text": %d}' % 2**63,
            r"note\.json: 9223372036854775808 is a whole number of more than 64 bits; ",
        ),
        (
            b'{"schema": 3, "text": -1e101}',
            r"note\.json: -1e101 is too large; expected a number from -1e100 to 1e100; ",
        ),
        (
            b'{"schema": 3, "text": "a", "text": "b"}',
            r"note\.json: an object has the key 'text' twice; restore the file",
        ),
        (rb'{"schema": 3, "text": "\ud83d"}', r"note\.json: a key or a text holds half of a character$"),
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


def graph_with_weights_at(location: str, where: str) -> onnx.ModelProto:
    """A graph whose only weight is in another file: an initializer, a Constant node, or a Constant in a branch."""
    weight = helper.make_tensor("w", TensorProto.FLOAT, [4], bytes(16), raw=True)
    onnx.external_data_helper.set_external_data(weight, location)
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])
    constant = helper.make_node("Constant", [], ["y"], value=weight)
    if where == "initializer":
        return helper.make_model(
            helper.make_graph([helper.make_node("Identity", ["w"], ["y"])], "g", [], [output], [weight])
        )
    if where == "branch":
        branch = helper.make_graph([constant], "branch", [], [output])
        nodes = [helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)]
        condition = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
        return helper.make_model(helper.make_graph(nodes, "g", [condition], [output]))
    return helper.make_model(helper.make_graph([constant], "g", [], [output]))


@pytest.mark.parametrize("where", ["initializer", "constant", "branch"])
def test_the_weights_beside_an_onnx_file_belong_to_it(tmp_path: Path, where: str) -> None:
    path, weights = tmp_path / "m.onnx", tmp_path / "m.data"
    path.write_bytes(graph_with_weights_at("m.data", where).SerializeToString())
    with pytest.raises(BadInput, match=r"its weights are in 'm\.data', which does not exist"):
        digest(path)
    weights.write_bytes(bytes(16))
    assert list(files_of(path)) == [("m.data", weights), ("m.onnx", path)]
    before = digest(path)
    assert digest(tmp_path) == before, "as the folder in which the store keeps both"
    weights.write_bytes(bytes(15) + b"1")
    assert digest(path) != before


@pytest.mark.parametrize("location", ["../m.data", "/etc/passwd", "link", ""])
def test_weights_outside_of_the_folder_are_refused(tmp_path: Path, location: str) -> None:
    (tmp_path / "m.data").write_bytes(bytes(16))
    (tmp_path / "in").mkdir()
    (tmp_path / "in/link").symlink_to(tmp_path / "m.data")
    path = tmp_path / "in/m.onnx"
    path.write_bytes(graph_with_weights_at(location, "constant").SerializeToString())
    with pytest.raises(BadInput, match="outside of its folder"):
        digest(path)


def test_an_onnx_file_that_holds_its_weights_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"no graph, but a location")
    (tmp_path / "empty.onnx").touch()
    for name in ("m.onnx", "empty.onnx"):
        assert digest(tmp_path / name) == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
