"""What the metrics of one measurement share."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from pocketbert.bench.measuring.progress import Bar
from pocketbert.bench.measuring.setup import Needed, Setup
from pocketbert.bench.measuring.subject import load_rows
from pocketbert.bench.records.results import Profile
from pocketbert.bench.workers.child import ChildFailed, RequestFailed
from pocketbert.compress.manifest import inside, load_manifest
from pocketbert.compress.tasks import open_task
from tests.support.manifests import PLAIN, Build, write_manifest


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    """`small` under three names: exported, a stage, and a stage with zeros; `alone` is a stage with zeros only."""
    path = write_manifest(tmp_path, {"small": PLAIN, "alone": Build(work=4)})
    content = json.loads(path.read_text())
    small = next(a for a in content["artifacts"] if a["id"] == "small")
    alone = next(a for a in content["artifacts"] if a["id"] == "alone")
    alone |= {"role": "stage", "dense": "small"}
    content["artifacts"] += [small | {"id": "stage", "role": "stage"}]
    content["artifacts"] += [small | {"id": "sparse", "role": "stage", "dense": "stage"}]
    content["artifacts"].reverse()  # so that the reference is not first
    path.write_text(json.dumps(content))
    manifest = load_manifest(path)
    task = open_task(manifest.task.kind, manifest.task.labels, manifest.task.max_length)
    profiles = [
        Profile(name="cpu", threads=1, cores=[0], lengths=["64"]),
        Profile(name="copy", threads=1, cores=[0], lengths=["64"], same_as="cpu"),
        Profile(name="skipped", threads=9, lengths=["64"], skipped="needs 9 cores"),
        Profile(name="unneeded", threads=1, cores=[0], lengths=[]),
    ]
    rows = load_rows(inside(tmp_path, manifest.task.test), task)
    return Setup(Needed(manifest, profiles), tmp_path, rows, Bar(Console(quiet=True)))


def test_the_reference_comes_first_and_equal_artifacts_share_a_subject(setup: Setup) -> None:
    assert setup.subjects[0] is setup.reference
    assert setup.by_id["small"] is setup.by_id["stage"] is setup.by_id["sparse"]
    assert len(setup.subjects) == len({subject.key for subject in setup.subjects})


def test_only_profiles_that_are_measured_are_left(setup: Setup) -> None:
    assert [profile.name for profile in setup.profiles] == ["cpu"]


def test_a_stage_runs_only_where_it_is_exported_unchanged(setup: Setup) -> None:
    """The guard has scored it, and no app runs it: two more models of 12 layers took 2 minutes of a gate of 6."""
    assert setup.run_here == [setup.reference, setup.by_id["small"]]
    assert setup.by_id["alone"] in setup.subjects


@pytest.mark.parametrize(
    ("small", "reference", "lengths"),
    [(None, None, ["32", "128", "mix"]), (64, None, ["32", "mix"]), (None, 127, ["32", "mix"]), (16, 512, ["mix"])],
)
def test_lengths_without_positions_are_left_out(
    setup: Setup, small: int | None, reference: int | None, lengths: list[str]
) -> None:
    profile = Profile(name="cpu", threads=1, lengths=["32", "128", "mix"])
    for name, positions in (("small", small), ("reference", reference)):
        subject = setup.by_id[name]
        subject.artifact = subject.artifact.model_copy(update={"positions": positions})
    assert setup.lengths(setup.by_id["small"], profile) == lengths


def test_a_request_that_is_refused_may_be_too_long(setup: Setup) -> None:
    subject = setup.by_id["small"]
    for positions, hint in ((None, "; if the model has fewer positions, add their number to the manifest"), (128, "")):
        subject.failures.clear()
        subject.artifact = subject.artifact.model_copy(update={"positions": positions})
        with subject.recording("latency", "cpu", "64"):
            raise RequestFailed("64 by 16")
        [failure] = subject.failures
        assert str(failure).startswith(f"latency cpu/64: 64 by 16{hint}")
        assert hint or failure.words == "64 by 16"


def test_a_failure_is_recorded_with_its_place(setup: Setup) -> None:
    subject = setup.by_id["small"]
    with subject.recording("latency", "cpu", "64"):
        raise ChildFailed("killed")
    assert [str(failure) for failure in subject.failures] == ["latency cpu/64: killed"]
    with pytest.raises(ValueError, match="a bug"), subject.recording("memory"):
        raise ValueError("a bug")
