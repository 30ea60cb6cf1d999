"""``--fresh`` deletes what builds make, and nothing else; a killed training is kept, however large."""

import json
import os
from pathlib import Path

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.pipeline import tidy as tidying
from pocketbert.compress.pipeline.cache import limit_steps, prune_unused
from pocketbert.compress.pipeline.tidy import clear, tidy


def test_fresh_deletes_nothing_that_no_build_made(tmp_path: Path) -> None:
    theirs = tmp_path / "src/data/rows.csv"
    theirs.parent.mkdir(parents=True)
    theirs.touch()
    with pytest.raises(BadInput, match="no build made this folder; choose another folder with --artifacts-dir"):
        clear(tmp_path / "src")
    assert theirs.exists()


def test_fresh_deletes_a_link_and_not_what_it_leads_to(tmp_path: Path) -> None:
    theirs = tmp_path / "elsewhere/rows.csv"
    theirs.parent.mkdir()
    theirs.touch()
    (tmp_path / "tiny/stages/00-teacher").mkdir(parents=True)
    (tmp_path / "tiny/data").symlink_to(theirs.parent)
    clear(tmp_path / "tiny")
    assert theirs.exists() and not (tmp_path / "tiny/data").exists()


def test_fresh_leaves_files_of_the_user_beside_those_of_a_build(tmp_path: Path) -> None:
    ours = ("stages/00-teacher/stage.json", "ship/onnx-int8/stage.json", "ship/onnx-int8/a.onnx", "ship/tokenizer.json")
    ours += ("control/stage.json", "data/test.jsonl", "dense/onnx-int8/stage.json", "manifest.json", "build.log")
    theirs = ("data/train.csv", "ship/notes.txt", "stages/mine/weights.bin")
    for name in (*ours, *theirs):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    clear(tmp_path)
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == set(theirs)
    assert not (tmp_path / "dense").exists()


def test_the_training_that_a_build_resumes_is_kept_whatever_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidying, "STEPS_LIMIT", 10)
    for age, name in enumerate(("00-teacher-1", "00-teacher-0")):
        folder = tmp_path / "mine" / ".scratch" / name
        folder.mkdir(parents=True)
        (folder / "checkpoint").write_bytes(b"weights of 20 bytes.")
        os.utime(folder, (1e9, 2e9 - age))
    tidy(tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine/.scratch").iterdir()] == ["00-teacher-1"]


def test_the_limits_spare_files_that_no_build_made(tmp_path: Path) -> None:
    for name in ("ship/onnx-int8/stage.json", "ship/mine/weights.bin", "ship/notes.txt", "ship/tokenizer.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    limit_steps(tmp_path, [], max_age=-1)
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"ship/mine/weights.bin", "ship/notes.txt", "ship/tokenizer.json"}


def test_the_limits_spare_what_the_manifest_lists(tmp_path: Path) -> None:
    """The operators for a reduced build belong to no step and to no artifact."""
    root = tmp_path / "mine"
    for name in ("ship/reduced-build/stage.json", "ship/reduced-build/operators", "ship/old/stage.json"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
        os.utime((root / name).parent, (1, 1))
    listed = {"steps": [], "artifacts": [], "files": {"ship/reduced-build/operators": "0" * 64}}
    (root / "manifest.json").write_text(json.dumps(listed), encoding="utf-8")
    prune_unused(root)
    assert sorted(path.name for path in (root / "ship").iterdir()) == ["reduced-build"]


def test_what_a_killed_run_has_half_removed_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = tmp_path / "ship/onnx-int8"
    step.mkdir(parents=True)
    (step / "stage.json").touch()
    (step / "weights").touch()

    def killed(folder: Path) -> None:
        (folder / "stage.json").unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            limit_steps(tmp_path, [], max_age=-1)
    assert [path.name.startswith(".removed-") for path in (tmp_path / "ship").iterdir()] == [True]
    limit_steps(tmp_path, [])
    assert list((tmp_path / "ship").iterdir()) == []


def test_files_of_the_user_leave_the_limit_to_the_steps(tmp_path: Path) -> None:
    for name, size in (("ship/onnx-int8/stage.json", 10), ("ship/mine/weights.bin", 1000)):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"x" * size)
    limit_steps(tmp_path, [], limit=100)
    assert (tmp_path / "ship/onnx-int8/stage.json").exists()


def test_the_limits_spare_the_tries_of_a_step_that_was_weakened(tmp_path: Path) -> None:
    """The next build asks for each of them again, and would train those that are gone."""
    root = tmp_path / "mine"
    for name in ("stages/02-prune-ffn~aa", "ship/onnx-int8~bb", "stages/03-distill~cc"):
        (root / name).mkdir(parents=True)
        (root / name / "stage.json").touch()
        os.utime(root / name, (1, 1))
    listed = {"steps": [{"name": "02-prune-ffn"}, {"name": "onnx-int8"}], "artifacts": []}
    (root / "manifest.json").write_text(json.dumps(listed), encoding="utf-8")
    prune_unused(root)
    assert [path.name for path in sorted(root.glob("s*/*"))] == ["onnx-int8~bb", "02-prune-ffn~aa"]
