import os
import time
from pathlib import Path

import onnx

from pocketbert.bench.records.store import Store
from pocketbert.compress.base.files import digest
from tests.support.manifests import write_onnx


def folder(path: Path, text: str) -> Path:
    (path / "sub").mkdir(parents=True)
    (path / "sub/weights").write_text(text)
    (path / "config").write_text("{}")
    return path


def test_files_and_folders_come_back_by_their_digest(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    file = tmp_path / "student.onnx"
    file.write_bytes(b"graph")
    model = folder(tmp_path / "model", "weights")
    for source in (file, model):
        sha256 = digest(source)
        assert store.find(sha256) is None
        store.put(source)
        found = store.find(sha256)
        assert found is not None
        assert digest(found) == sha256


def test_an_object_that_is_no_longer_what_its_name_says_is_not_given_out(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    model = folder(tmp_path / "model", "weights")
    store.put(model)
    kept = store.find(digest(model))
    assert kept is not None
    (kept / "sub/weights").unlink()
    (kept / "sub/weights").write_text("others")
    assert store.find(digest(model)) is None
    store.put(model)
    assert store.find(digest(model)) == kept


def test_what_was_not_asked_for_longest_goes_first(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    files = []
    for age, name in ((30, "a"), (20, "b"), (10, "c")):
        file = tmp_path / name
        file.write_bytes(name.encode() * 100)
        store.put(file)
        kept = store.find(digest(file))
        assert kept is not None
        os.utime(kept, (1000 - age, 1000 - age))
        files.append(digest(file))
    store.find(files[0])
    store.prune(limit=200, max_age=1e12)
    assert [store.find(sha256) is not None for sha256 in files] == [True, False, True]


def test_a_store_that_cannot_be_written_to_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file stands where the folder should be")
    file = tmp_path / "student.onnx"
    file.write_bytes(b"graph")
    store = Store(tmp_path / "store")
    store.put(file)
    store.prune()
    assert store.find(digest(file)) is None


def test_thirty_builds_leave_no_more_than_the_limit(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    for number in range(30):
        model = tmp_path / f"build-{number}"
        folder(model, f"{number:098}")  # 100 bytes with the configuration
        store.put(model)
        store.prune(limit=1000)
        assert store.usage().bytes <= 1000
    assert store.usage().entries == 10
    assert store.find(digest(tmp_path / "build-29"))


def test_objects_have_an_age_limit(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    assert store.usage() == (0, 0, 0.0)
    found = []
    for name, age in (("old", 100), ("new", 10)):
        file = tmp_path / name
        file.write_text(name)
        store.put(file)
        path = store.find(digest(file))
        assert path is not None
        os.utime(path, (time.time() - age,) * 2)
        found.append(path)
    assert 99 < store.usage().oldest_s < 160
    store.prune(max_age=50)
    assert [path.exists() for path in found] == [False, True]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "store/.put-killed"
    left.mkdir(parents=True)
    (left / ".owner").touch()
    Store(tmp_path / "store").prune()
    assert not left.exists()


def test_an_object_that_is_no_file_is_not_opened(tmp_path: Path) -> None:
    for sha256, make in (("0" * 64, os.mkfifo), ("1" * 64, lambda path: path.symlink_to("/dev/zero"))):
        make(tmp_path / sha256)
        assert Store(tmp_path).find(sha256) is None


def test_a_graph_and_the_weights_beside_it_are_one_object(tmp_path: Path) -> None:
    write_onnx(tmp_path / "m.onnx")
    model = onnx.load(tmp_path / "m.onnx")
    onnx.save(model, tmp_path / "m.onnx", save_as_external_data=True, location="m.data", size_threshold=64)
    store = Store(tmp_path / "store")
    store.put(tmp_path / "m.onnx")
    found = store.find(digest(tmp_path / "m.onnx"))
    assert found is not None and sorted(file.name for file in found.iterdir()) == ["m.data", "m.onnx"]
    assert digest(found / "m.onnx") == found.name
