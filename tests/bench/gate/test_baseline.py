"""A missing baseline fails the run, unless the run is said to be the first one."""

import json
from pathlib import Path

import pytest

from pocketbert.bench.gate.baseline import open_baseline
from pocketbert.bench.gate.options import GateOptions
from pocketbert.bench.records.baseline import make_baseline
from pocketbert.bench.records.history import append, path_of
from pocketbert.bench.records.results import Results
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import write_json


def options(folder: Path, **others: object) -> GateOptions:
    plain: dict[str, object] = {
        "manifest": folder / "manifest.json",
        "profiles": (),
        "baseline": None,
        "strict": False,
        "reports": folder / "reports",
        "command": "pytest bench",
        "baselines": folder / "baselines",
    }
    return GateOptions(**(plain | others))  # type: ignore[arg-type]


def lost(asked: GateOptions, recipe: str = "tiny") -> str:
    """Return the message of a lost baseline, after checking that `--gate-first-run` lets the run pass."""
    with pytest.raises(BadInput, match="no such baseline") as refused:
        open_baseline(asked, recipe)
    assert str(refused.value).endswith("; for the first run of a new recipe add --gate-first-run")
    first = GateOptions(**{**vars(asked), "first_run": True})
    assert open_baseline(first, recipe)[1] is None
    return str(refused.value)


def test_a_baseline_without_a_trace_is_refused_too(tmp_path: Path) -> None:
    """A clean checkout has no history: nothing tells a deleted baseline from one that was never made."""
    path = tmp_path / "baselines/tiny.json"
    assert f"{path}: no such baseline; for the first run" in lost(options(tmp_path))
    assert open_baseline(options(tmp_path, first_run=True), "tiny") == (path, None)


def test_a_baseline_that_is_named_and_missing_is_refused(tmp_path: Path) -> None:
    name = tmp_path / "typo.json"
    assert f"{name}: no such baseline (--gate-baseline)" in lost(options(tmp_path, baseline=name))
    assert f"{name}: no such baseline, which [tool.pocketbert] names" in lost(options(tmp_path, default_baseline=name))


def test_a_recipe_without_a_baseline_beside_others_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "baselines").mkdir()
    for name in ("tinny", "offline"):
        (tmp_path / f"baselines/{name}.json").touch()
    (tmp_path / "baselines/.tiny.1-0a1b2c3d.tmp.json").touch()  # an update was killed
    found = lost(options(tmp_path))
    assert "no such baseline, but 2 other recipes have one; nearest name: 'tinny', if the recipe was renamed" in found
    assert "nearest name: 'offline'" in lost(options(tmp_path), "outlive")


def test_a_history_with_a_baseline_is_refused_without_one(tmp_path: Path, weighed: Results) -> None:
    asked = options(tmp_path)
    asked.reports.mkdir()
    past = path_of(asked.reports, "tiny")
    append(past, weighed, None)
    assert "has runs" not in lost(asked)
    append(past, weighed, "2026-01-02")
    append(past, weighed, None)
    assert "has runs that were compared with one of 2026-01-02; restore it" in lost(asked)


def test_a_pinned_baseline_without_the_recipes_own_is_refused(tmp_path: Path) -> None:
    (tmp_path / "baselines/pinned/v1").mkdir(parents=True)
    (tmp_path / "baselines/pinned/v1/tiny.json").touch()
    assert "no such baseline, but the recipe has pinned ones; restore it" in lost(options(tmp_path))


@pytest.mark.parametrize(("key", "nothing"), [("accuracy", None), ("memory_own_mib", None), ("latency", {})])
def test_an_emptied_baseline_is_refused(tmp_path: Path, weighed: Results, key: str, nothing: object) -> None:
    path = tmp_path / "baselines/tiny.json"
    write_json(path, make_baseline(weighed, None))
    assert open_baseline(options(tmp_path), "tiny")[1] is not None
    whole = json.loads(path.read_text())
    path.write_text(json.dumps(whole | {"artifacts": {}}))
    with pytest.raises(BadInput, match=r"tiny\.json: artifacts: .*nothing would be compared; restore the file"):
        open_baseline(options(tmp_path), "tiny")
    whole["artifacts"]["small"][key] = nothing
    path.write_text(json.dumps(whole))
    with pytest.raises(BadInput, match=rf"artifacts\.small: {key} is missing; restore the file, or update"):
        open_baseline(options(tmp_path), "tiny")
    path.write_text("")
    with pytest.raises(BadInput, match=r"tiny\.json: line 1, not JSON"):
        open_baseline(options(tmp_path), "tiny")


def test_a_limit_of_no_artifact_is_refused(tmp_path: Path, weighed: Results) -> None:
    path = tmp_path / f"baselines/{weighed.recipe}.json"
    write_json(path, make_baseline(weighed, None))
    content = json.loads(path.read_text())
    for pattern, allowed in (("sm*", True), ("smal", False)):
        content["thresholds"]["artifacts"] = {pattern: {"size": 0.5}}
        path.write_text(json.dumps(content))
        if allowed:
            open_baseline(options(tmp_path), weighed.recipe)
            continue
        with pytest.raises(
            BadInput, match=r"thresholds\.artifacts: 'smal' fits none of .*small.*; correct the pattern"
        ):
            open_baseline(options(tmp_path), weighed.recipe)
