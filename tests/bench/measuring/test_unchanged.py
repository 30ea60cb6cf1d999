"""No figure of one file is kept under the digest of another one."""

import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from filelock import FileLock
from rich.console import Console

from pocketbert.bench.measuring.measure import Measurement
from pocketbert.bench.measuring.metrics import accuracy
from pocketbert.bench.measuring.progress import Bar
from pocketbert.bench.measuring.setup import Needed, Setup
from pocketbert.bench.measuring.subject import Subject, load_rows
from pocketbert.bench.measuring.unchanged import Unchanged
from pocketbert.bench.records.results import Accuracy
from pocketbert.bench.records.reuse import FOLDER
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import digest
from pocketbert.compress.manifest import inside, load_manifest
from pocketbert.compress.tasks import open_task
from tests.support.manifests import PLAIN, Build, Run, write_manifest, write_onnx

pytest_plugins = "pytester"
CHANGED = "changed while it was measured"


def replace(path: Path, content: bytes) -> None:
    """Replace a file as a build does."""
    new = path.with_name("new")
    new.write_bytes(content)
    new.replace(path)


def restored(path: Path) -> None:
    content = path.read_bytes()
    replace(path, b"other")
    replace(path, content)


def rewritten(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"other")


def piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("change", [Path.unlink, piped, restored, rewritten, lambda path: replace(path, b"x")])
def test_every_change_is_noticed(tmp_path: Path, change: Callable[[Path], None]) -> None:
    for name in ("file", "folder/weights"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"first content")
        watched = tmp_path / name.split("/")[0]
        unchanged = Unchanged()
        assert unchanged.add(watched) == digest(watched)
        unchanged.check()
        change(path)
        for checked in ((), (watched,)):
            with pytest.raises(BadInput, match=f"{watched.name}: {CHANGED}"):
                unchanged.check(*checked)


def test_a_promised_digest_is_the_one_that_counts(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    unchanged = Unchanged()
    assert unchanged.add(file, "promised") == unchanged.add(file) == "promised"
    with pytest.raises(BadInput, match=CHANGED):
        unchanged.check(file)


def scorer(file: Path, bad: bytes, before: bytes | None, after: bytes | None) -> Callable[..., Accuracy]:
    """Score a file by its content; `file` gets new contents before and after it is read."""

    def score(_: object, __: Setup, subject: Subject) -> Accuracy:
        if before and subject.path == file:
            replace(file, before)
        value = float(subject.path.read_bytes() != bad)
        if after and subject.path == file:
            replace(file, after)
        return Accuracy(metric="m", value=value, scores={}, rows=1, drop=None, correct="80", test_sha256="0")

    return score


def test_a_build_that_ends_meanwhile_leaves_no_wrong_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """20 rounds: the file is replaced before it is read, after, around, or (every fourth time) not at all."""
    path = write_manifest(tmp_path, {"small": PLAIN})
    manifest = load_manifest(path)
    task = open_task(manifest.task.kind, manifest.task.labels, manifest.task.max_length)
    rows = load_rows(inside(tmp_path, manifest.task.test), task)
    file = inside(tmp_path, manifest.artifact("small").path)
    good, bad = file.read_bytes(), b"bad"
    moments = [(bad, None), (None, bad), (bad, good), (None, None)]
    monkeypatch.setattr(accuracy, "Child", lambda *_: nullcontext())
    kept = []
    for number in range(20):
        before, after = moments[number % 4]
        replace(file, good)
        monkeypatch.setattr(accuracy, "measure_accuracy", scorer(file, bad, before, after))
        for cached in (tmp_path / FOLDER).glob("*"):
            cached.unlink()
        setup = Setup(Needed(manifest, []), tmp_path, rows, Bar(Console(quiet=True)))
        accuracy.expect(setup)
        with pytest.raises(BadInput, match=CHANGED) if before or after else nullcontext():
            accuracy.measure(setup)
        kept += [Accuracy.model_validate_json(cached.read_text()).value for cached in (tmp_path / FOLDER).glob("*")]
    assert kept
    assert set(kept) == {1.0}


def test_what_changes_after_its_score_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_manifest(tmp_path, {"small": PLAIN})
    manifest = load_manifest(path)
    test = manifest.task.test
    manifest = manifest.model_copy(update={"files": {test: digest(tmp_path / test)}})
    rows = load_rows(tmp_path / test, open_task(manifest.task.kind, manifest.task.labels, manifest.task.max_length))
    for changed in (manifest.artifact("small").path, manifest.artifact("small").tokenizer, *manifest.files):
        content = (tmp_path / changed).read_bytes()
        measurement = Measurement(Needed(manifest, [], []), tmp_path, rows, "test", Bar(Console(quiet=True)))
        monkeypatch.setattr(Measurement, "_measure", lambda _, file=tmp_path / changed: replace(file, b"other"))
        with pytest.raises(BadInput, match=f"{Path(changed).name}: {CHANGED}"):
            measurement.run()
        replace(tmp_path / changed, content)


def test_the_gate_fails_and_keeps_nothing(bench: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = write_manifest(tmp_path / "m", {"small": PLAIN})
    file = inside(manifest.parent, load_manifest(manifest).artifact("small").path)
    measure = accuracy.measure_accuracy

    def replaced(child: accuracy.Child, setup: Setup, subject: Subject) -> Accuracy:
        if subject.path == file:
            write_onnx(tmp_path / "bad", Build(blind=0.9))
            (tmp_path / "bad").replace(file)
        return measure(child, setup, subject)

    monkeypatch.setattr(accuracy, "measure_accuracy", replaced)
    options = ("--gate-profiles=mobile-1t", f"--gate-reports={tmp_path / 'reports'}", "-k", "accuracy")
    with FileLock(tmp_path / ".m.lock"):
        result = bench(manifest, *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines("*m: a build is working there; run the gate when it has ended*")
    result = bench(manifest, *options)
    assert result.ret not in (0, 5)
    result.stdout.fnmatch_lines(f"*small.onnx: {CHANGED}*")
    assert not list((tmp_path / "reports").glob("*"))
    scores = [path.read_text() for path in (manifest.parent / FOLDER).glob("*") if '"correct"' in path.read_text()]
    assert len(scores) == 1  # the reference's
