"""A finished step is taken from the cache unless something that it was made from, or one of its files, has changed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pocketbert.compress.base.files import atomic_write
from pocketbert.compress.manifest import Step, load_manifest
from pocketbert.compress.pipeline import cache
from pocketbert.compress.pipeline.cache import LOG_LIMIT, cached, limit_steps, make, step_key
from tests.support.own_code import Edit, editable_package
from tests.support.recipes import run

EXPORTS = ["torch-fp32", "onnx-fp32", "onnx-int8"]
STEP = Step(name="01-x", kind="x", decision="accepted", key="k" * 64)
MODULES = ["pocketbert.compress.tasks.inputs"]


@pytest.fixture
def edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Edit]:
    with editable_package(tmp_path / "package/compress", monkeypatch) as add_a_line:
        yield add_a_line


def test_a_key_covers_source_parameters_code_and_libraries(edit: Edit, monkeypatch: pytest.MonkeyPatch) -> None:
    before = step_key("source", {"ratio": 0.5}, MODULES)
    assert step_key("source", {"ratio": 0.5}, MODULES) == before
    others = [
        step_key("other", {"ratio": 0.5}, MODULES),
        step_key("source", {"ratio": 0.25}, MODULES),
        step_key("source", {"ratio": 0.5}, [*MODULES, "pocketbert.compress.exports.onnx"]),
    ]
    with monkeypatch.context() as patch:
        patch.setattr(cache, "version", lambda name: "0")
        others.append(step_key("source", {"ratio": 0.5}, MODULES))
    edit("tasks/inputs.py")
    others.append(step_key("source", {"ratio": 0.5}, MODULES))
    assert len({before, *others}) == 6


def made(tmp_path: Path, content: str = "one", key: str = STEP.key) -> Step:
    """A step with one file, and a file of its own in the folder of checkpoints."""

    def work(out: Path, training: Path) -> Step:
        training.mkdir()
        (out / "model").mkdir()
        (out / "model/weights").write_text(content)
        return STEP.model_copy(update={"key": key, "seconds": 1.0})

    return make(tmp_path / "stages/01-x", STEP.model_copy(update={"key": key}), tmp_path / ".scratch", work)


def test_a_finished_step_is_found_with_its_record(tmp_path: Path) -> None:
    done = made(tmp_path)
    assert set(done.files) == {"model/weights"}
    assert cached(tmp_path / "stages/01-x", STEP.key) == done
    assert not list((tmp_path / ".scratch").iterdir())


def test_another_key_a_changed_a_missing_and_an_unreadable_file_are_not_found(tmp_path: Path) -> None:
    folder = tmp_path / "stages/01-x"
    assert cached(folder, STEP.key) is None
    made(tmp_path)
    assert cached(folder, "other") is None
    (folder / "model/weights").write_text("two")
    assert cached(folder, STEP.key) is None
    (folder / "model/weights").unlink()
    assert cached(folder, STEP.key) is None
    made(tmp_path)
    (folder / "stage.json").write_text('{"name": "01-x"')
    assert cached(folder, STEP.key) is None
    (folder / "stage.json").write_text('{"name": "01-x"}')
    assert cached(folder, STEP.key) is None


def test_a_step_replaces_an_older_one_as_a_whole(tmp_path: Path) -> None:
    made(tmp_path)
    (tmp_path / "stages/01-x/older").touch()
    made(tmp_path, "two", "other")
    assert (tmp_path / "stages/01-x/model/weights").read_text() == "two"
    assert not (tmp_path / "stages/01-x/older").exists()


def test_the_other_processes_do_not_wait_for_a_step_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first process has to come to both barriers of the others, which wait for its result."""
    waited: list[bool] = []
    monkeypatch.setattr(cache, "world", lambda: 2)
    monkeypatch.setattr(cache, "wait", lambda: waited.append(True))

    def work(*_: Path) -> Step:
        raise RuntimeError("killed")

    for together, barriers in ((False, 2), (True, 0)):
        waited.clear()
        with pytest.raises(RuntimeError, match="killed"):
            make(tmp_path / "stages/01-x", STEP, tmp_path / ".scratch", work, together)
        assert len(waited) == barriers


def test_a_step_that_fails_leaves_the_older_one_and_its_checkpoints(tmp_path: Path) -> None:
    made(tmp_path)

    def work(out: Path, training: Path) -> Step:
        training.mkdir()
        (training / "checkpoint-1").touch()
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        make(tmp_path / "stages/01-x", STEP, tmp_path / ".scratch", work)
    assert cached(tmp_path / "stages/01-x", STEP.key)
    assert len(list(tmp_path.glob(f".scratch/01-x-{STEP.key[:12]}/training/checkpoint-1"))) == 1


def test_changed_parameter_rebuilds_from_that_step_on(built: tuple[Path, Path]) -> None:
    _, heard = run(*built, stage__1__temperature="3.0")
    assert heard.built == ["02-distill", *EXPORTS]
    assert "the teacher predicts the training rows" not in heard.advances, "the teacher was asked again"
    assert any("the teacher ran inference on 240 inputs once, before, in" in line for line in heard.lines)


@pytest.mark.parametrize(
    ("file", "rebuilt"),
    [
        # prune_heads -> cuts -> distil -> alignment; the teacher's fine-tuning reaches none of them
        ("training/distillation/alignment.py", ["01-prune-heads", "02-distill", *EXPORTS]),
        # distill -> student -> slicing; no other stage of this recipe reaches it
        ("pruning/slicing.py", ["02-distill", *EXPORTS]),
        ("exports/onnx.py", EXPORTS[1:]),
        ("cli.py", []),
        ("base/progress.py", []),
    ],
)
def test_an_edit_rebuilds_what_reaches_it_and_what_follows(
    file: str, rebuilt: list[str], built: tuple[Path, Path], edit: Edit
) -> None:
    edit(file)
    _, heard = run(*built)
    assert heard.built == rebuilt


def test_damaged_file_is_made_again(built: tuple[Path, Path]) -> None:
    (built[1] / "ship/onnx-int8/student-int8.onnx").write_bytes(b"cut short")
    _, heard = run(*built)
    assert heard.built == ["onnx-int8"]
    load_manifest(built[1] / "manifest.json")


def test_killed_between_making_and_moving(built: tuple[Path, Path]) -> None:
    folder = built[1] / "stages/02-distill"
    scratch = built[1] / ".scratch" / f"02-distill-{json.loads((folder / 'stage.json').read_text())['key'][:12]}"
    scratch.mkdir(parents=True)
    folder.rename(scratch / "out")
    _, heard = run(*built)
    assert heard.built == ["02-distill"]
    assert "distilling into 2 layers" not in heard.advances, "it was trained again"


def test_thirty_recipes_leave_no_more_than_the_limit(tmp_path: Path) -> None:
    """Stages of other kinds and files of other formats have other names, and nothing else replaces them."""
    sizes = []
    for number in range(30):
        used = [tmp_path / f"stages/01-{number}", tmp_path / f"ship/{number}"]
        for folder in used:
            folder.mkdir(parents=True)
            (folder / "weights").write_bytes(b"x" * 1000)
            (folder / "stage.json").touch()
        (tmp_path / "ship/tokenizer.json").touch()
        (tmp_path / ".scratch" / str(number)).mkdir(parents=True)
        limit_steps(tmp_path, used, limit=5000)
        sizes.append(sum(file.stat().st_size for file in tmp_path.rglob("weights")))
        assert all(folder.exists() for folder in used)
    assert max(sizes) == 2 * 5000
    assert (tmp_path / "ship/tokenizer.json").exists()
    limit_steps(tmp_path, used, max_age=-1)
    assert sum(file.stat().st_size for file in tmp_path.rglob("weights")) == 2 * 1000


def test_a_build_sweeps_what_killed_ones_left(built: tuple[Path, Path]) -> None:
    root = built[1]
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    with atomic_write(root / "x") as living:
        living.touch()
    name = living.name.replace(str(os.getpid()), str(dead.pid), 1)
    left = [root / "stages/00-teacher" / name, root / "data" / name, root.parent / ".sources" / name]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (root / "build.log").write_bytes(b"x" * (LOG_LIMIT + 1))
    _, heard = run(*built)
    assert heard.built == []
    assert not [path for path in left if path.exists()]
    assert (root / "build.log").stat().st_size < LOG_LIMIT


def test_an_edited_loss_and_other_content_of_a_named_file_rebuild(
    built: tuple[Path, Path], edit: Edit, tmp_path: Path
) -> None:
    run(*built, stage__1__preset="minilm")
    edit("training/losses/self_attention_relation.py")
    assert run(*built, stage__1__preset="minilm")[1].built == ["02-distill", *EXPORTS]
    words = tmp_path / "users.txt"
    stage = f'{{ kind = "prune-vocab", keep = ["{words}"] }}'
    words.write_text("没有\n", encoding="utf-8")
    run(*built, stage__0=stage)
    words.write_text("未见\n", encoding="utf-8")
    assert run(*built, stage__0=stage)[1].built[0] == "01-prune-vocab"
