import os
from pathlib import Path

from pocketbert.bench.records.store import Store
from pocketbert.compress.base.files import digest


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
    store.prune(limit=200)
    assert [store.find(sha256) is not None for sha256 in files] == [True, False, True]


def test_a_store_that_cannot_be_written_to_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file stands where the folder should be")
    file = tmp_path / "student.onnx"
    file.write_bytes(b"graph")
    store = Store(tmp_path / "store")
    store.put(file)
    store.prune()
    assert store.find(digest(file)) is None
