"""A pinned baseline has limits and files of its own, and what baselines name stays in the store."""

import os
from pathlib import Path

import pytest

from pocketbert.bench.records import pins
from pocketbert.bench.records.baseline import Baseline, load_baseline, make_baseline
from pocketbert.bench.records.store import Store
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import digest, write_json
from tests.support.results import INT8, made_up_run


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store of two objects; the first one is used least recently."""
    store = Store(tmp_path / "store")
    for name in ("model", "tokenizer"):
        (tmp_path / name).write_text(name)
        store.put(tmp_path / name)
    return store


@pytest.fixture
def baseline(tmp_path: Path, store: Store) -> Baseline:
    """A baseline of one artifact whose files are in the store."""
    made = make_baseline(made_up_run(), None)
    files = {"sha256": digest(tmp_path / "model"), "tokenizer_sha256": digest(tmp_path / "tokenizer")}
    return made.model_copy(update={"artifacts": {INT8: made.artifacts[INT8].model_copy(update=files)}})


def test_a_pin_has_twice_the_limits_or_those_given(tmp_path: Path, store: Store, baseline: Baseline) -> None:
    path = pins.path_of(tmp_path / "baselines", "v1.0", baseline.recipe)
    pins.pin(baseline, path, store, {"size": 0.5})
    pinned = load_baseline(pins.open_pin(tmp_path / "baselines", "v1.0", baseline.recipe))
    assert pinned.thresholds.model_dump() == {
        "latency": 0.06,
        "memory": 0.10,
        "size": 0.5,
        "accuracy": 0.02,
        "artifacts": {},
    }
    assert pinned == baseline.model_copy(update={"thresholds": pinned.thresholds})
    with pytest.raises(BadInput, match="there is a pin of that name; choose another name"):
        pins.pin(baseline, path, store, {})
    [found] = pins.updates_since(tmp_path / "baselines", baseline)
    assert str(found) == "0 updates since pin v1.0"


def test_a_pin_keeps_the_limits_of_artifacts_but_for_those_given(
    tmp_path: Path, store: Store, baseline: Baseline
) -> None:
    limits = baseline.thresholds.model_copy(update={"artifacts": {INT8: {"size": 0.02, "latency": 0.1}}})
    path = pins.path_of(tmp_path / "baselines", "v1.0", baseline.recipe)
    pins.pin(baseline.model_copy(update={"thresholds": limits}), path, store, {"size": 0.5})
    pinned = load_baseline(path).thresholds
    assert (pinned.of("size", INT8), pinned.of("latency", INT8)) == (0.5, 0.2)


def test_a_wrong_pin_is_refused(tmp_path: Path, store: Store, baseline: Baseline) -> None:
    folder = tmp_path / "baselines"
    for name in ("../v1", "", "a/b", ".hidden", "v1\n"):
        with pytest.raises(BadInput, match="allowed are letters, digits"):
            pins.path_of(folder, name, "tiny")
    path = pins.path_of(folder, "v1", baseline.recipe)
    with pytest.raises(BadInput, match="limits of pin 'v1': latency"):
        pins.pin(baseline, path, store, {"latency": 5})
    store.prune(limit=0)
    with pytest.raises(BadInput, match=r"the baseline's file [0-9a-f]{12} is not in the artifact store"):
        pins.pin(baseline, path, store, {})
    assert not path.exists()
    write_json(path.parent.parent / "v0" / path.name, baseline)
    with pytest.raises(BadInput, match=r"--gate-against v1: .*no such file; pinned baselines of 'offline': v0; pin"):
        pins.open_pin(folder, "v1", baseline.recipe)


def test_a_pin_that_cannot_be_read_stops_nothing(tmp_path: Path, store: Store, baseline: Baseline) -> None:
    for name in ("v1", "v2"):
        pins.pin(baseline, pins.path_of(tmp_path, name, baseline.recipe), store, {})
    broken = pins.path_of(tmp_path, "v1", baseline.recipe)
    broken.write_text("<<<<<<< HEAD\n")
    first, second = map(str, pins.updates_since(tmp_path, baseline))
    assert first.startswith(f"updates since pin v1: unknown, {broken}: line 1, not JSON")
    assert second == "0 updates since pin v2"


def test_what_a_baseline_names_is_never_pruned(tmp_path: Path, store: Store, baseline: Baseline) -> None:
    entry = baseline.artifacts[INT8]
    folder, outside = tmp_path / "baselines", tmp_path / "outside.json"
    write_json(folder / "pinned/v1/tiny.json", baseline)
    (folder / "torn.json").write_text(f'{{"schema": 99, "sha256": "{"a" * 64}"')
    outside.write_text(f'"{"b" * 64}"')
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.json")  # nobody writes to it
    kept = pins.protected(folder, outside, tmp_path / "nowhere.json")
    assert {entry.sha256, entry.tokenizer_sha256, "a" * 64, "b" * 64} <= kept
    for number in range(30):
        (tmp_path / "build").write_text(f"build {number:02}")
        store.put(tmp_path / "build")
        store.prune(limit=40, max_age=1e9, keep=kept)
    assert store.find(entry.sha256)
    assert store.find(entry.tokenizer_sha256)
    assert store.find(digest(tmp_path / "build"))
    assert store.usage().bytes <= 40
    store.prune(limit=0, max_age=0, keep=kept)
    assert store.usage().entries == 2


def test_a_large_limit_can_be_pinned(tmp_path: Path, store: Store, baseline: Baseline) -> None:
    limits = baseline.thresholds.model_copy(update={"latency": 0.6, "artifacts": {INT8: {"memory": 0.7}}})
    path = pins.path_of(tmp_path / "baselines", "v1.0", baseline.recipe)
    pins.pin(baseline.model_copy(update={"thresholds": limits}), path, store, {})
    pinned = load_baseline(path).thresholds
    assert (pinned.latency, pinned.of("memory", INT8)) == (0.99, 0.99)
