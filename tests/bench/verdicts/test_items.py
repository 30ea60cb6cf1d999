"""What a gate run compares, and what must be measured for it."""

from pathlib import Path

import pytest

from pocketbert.bench.measuring.setup import Needed
from pocketbert.bench.records.baseline import Baseline, make_baseline
from pocketbert.bench.records.results import METRICS, Place, Profile, Results
from pocketbert.bench.verdicts.items import Item, items_of, left_out, narrow
from pocketbert.compress.manifest import load_manifest
from tests.support.manifests import SHIPS, write_manifest

AT_64, AT_128 = Place("mobile-1t", "64"), Place("mobile-1t", "128")
ONE = Profile(name="mobile-1t", threads=1, cores=[0], lengths=["64"])


@pytest.fixture
def before(weighed: Results) -> Baseline:
    return make_baseline(weighed, None)


def test_an_item_is_named_as_pytest_shows_it() -> None:
    assert str(Item("latency", "small.onnx", AT_128)) == "small.onnx-mobile-1t/128"
    assert str(Item("size", "small.onnx")) == "small.onnx"


def test_items_are_the_exported_artifacts_and_all_other_figures_of_the_baseline(before: Baseline) -> None:
    items = items_of({"small": "onnxruntime", "new": "onnxruntime"}, [ONE], before, whole=False)
    places = {(item.artifact, item.place) for item in items if item.metric == "latency"}
    assert {("small", AT_64), ("small", AT_128), ("new", AT_64)} <= places
    assert ("other", AT_64) not in places  # not exported any more
    assert Item("size", "other") in items
    assert len(items) == len(set(items))


def test_the_baselines_other_profiles_belong_to_a_whole_run_only(before: Baseline) -> None:
    cpu = Profile(name="cpu", threads=1, cores=[0], lengths=["64"])
    item = Item("latency", "small", AT_128)
    assert item not in items_of({"small": "onnxruntime"}, [cpu], before, whole=False)
    assert item in items_of({"small": "onnxruntime"}, [cpu], before, whole=True)


def test_a_skipped_profile_has_no_items_of_its_own() -> None:
    skipped = ONE.model_copy(update={"skipped": "needs 4 cores"})
    assert [item.metric for item in items_of({"small": "onnxruntime"}, [skipped], None, whole=True)] == [
        "memory",
        "size",
        "accuracy",
    ]


def test_a_file_for_another_platform_has_its_size_and_what_the_baseline_has(before: Baseline) -> None:
    assert items_of({"small": "coreml"}, [ONE], None, whole=True) == [Item("size", "small")]
    items = items_of({"small": "coreml"}, [ONE], before, whole=True)
    assert {item.metric for item in items if item.artifact == "small"} == set(METRICS)  # it ran before
    assert Item("latency", "small", AT_64) not in items
    entry = before.artifacts["small"].model_copy(update={"runtime": "coreml"})
    theirs = before.model_copy(update={"artifacts": {"small": entry}})
    assert items_of({"small": "coreml"}, [], theirs, whole=True) == [Item("size", "small")]


def test_narrowing_keeps_the_reference_and_the_profile_that_is_measured(tmp_path: Path) -> None:
    manifest = load_manifest(write_manifest(tmp_path, SHIPS))
    profiles = [
        Profile(name="cpu", threads=2, cores=[0, 1], lengths=["128", "mix"]),
        Profile(name="mobile-1t", threads=1, cores=[0], lengths=["128", "mix"]),
        Profile(name="mobile-2t", threads=2, cores=[0, 1], lengths=["128", "mix"], same_as="cpu"),
    ]
    items = [Item("latency", "other", Place("mobile-2t", "128")), Item("size", "other")]
    smaller, kept, metrics = narrow(manifest, profiles, items)
    assert [a.id for a in smaller.artifacts] == ["reference", "other"]
    assert [(p.name, p.lengths) for p in kept] == [("cpu", ["128"]), ("mobile-2t", ["128"])]
    assert metrics == {"latency", "size"}
    assert narrow(manifest, profiles, items[1:])[1:] == ([], {"size"})
    assert Needed(manifest, profiles).metrics == METRICS  # a run of everything


def test_a_length_without_positions_is_left_out_unless_the_baseline_has_it(before: Baseline) -> None:
    both = ONE.model_copy(update={"lengths": ["64", "128", "mix"]})

    def lengths(positions: tuple[int | None, int | None], baseline: Baseline | None = None) -> list[str]:
        found = items_of({"small": "onnxruntime"}, [both], baseline, whole=True, positions={"small": positions})
        return [item.place.length for item in found if item.artifact == "small" and item.place]

    assert lengths((None, 512)) == ["64", "128", "mix"]
    assert lengths((64, 512)) == lengths((512, 64)) == ["64", "mix"]
    assert lengths((64, 512), before) == ["64", "mix", "128"]


def test_what_is_left_out_is_told(weighed: Results) -> None:
    assert list(left_out(weighed)) == []
    short = [a.model_copy(update={"positions": 64 if a.id == "small" else 512}) for a in weighed.artifacts]
    told = list(left_out(weighed.model_copy(update={"artifacts": short})))
    assert told == ["small has 64 positions, too few for mobile-1t/128"]
