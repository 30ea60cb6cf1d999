"""Baselines: made from results, described, compared, refused."""

import json
import math
import re
from pathlib import Path

import pytest

from pocketbert.bench.records.baseline import (
    SCHEMA,
    Thresholds,
    check_replaces,
    describe,
    diff,
    load_baseline,
    make_baseline,
    reference_of,
)
from pocketbert.bench.records.results import Results
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import write_json


def test_a_diff_shows_old_and_new_and_the_change(weighed: Results) -> None:
    old = make_baseline(weighed, None)
    small = old.artifacts["small"]
    new = old.model_copy(
        update={"artifacts": {"small": small.model_copy(update={"bytes": small.bytes * 2}), "extra": small}}
    )
    lines = [line.split() for line in diff(old, new).splitlines()]
    assert ["small", "bytes", f"{small.bytes:,}", "->", f"{2 * small.bytes:,}", "+100.0", "%"] in lines
    assert [
        "small",
        "zipped",
        "bytes",
        *[f"{small.deflated_bytes:,}", "->", f"{small.deflated_bytes:,}"],
        "same",
    ] in lines
    assert any(line[:2] == ["other", "bytes"] and line[-1] == "gone" for line in lines)
    assert any(line[:2] == ["extra", "bytes"] and line[-1] == "new" for line in lines)


def test_a_change_in_accuracy_is_in_points_and_zero_has_no_sign(weighed: Results) -> None:
    old = make_baseline(weighed, None)
    small = old.artifacts["small"]
    assert small.accuracy
    value = small.accuracy.value
    for change, said in ((-0.02, "−2.0 pp"), (-0.0001, "0.0 pp"), (0.004, "+0.4 pp")):
        accuracy = small.accuracy.model_copy(update={"value": value + change})
        new = old.model_copy(update={"artifacts": {"small": small.model_copy(update={"accuracy": accuracy})}})
        [line] = [line for line in diff(old, new).splitlines() if line.split()[:2] == ["small", accuracy.metric]]
        assert line.endswith(f"  {said}")
    large, larger = (small.model_copy(update={"bytes": size}) for size in (1_000_000, 999_999))
    before, after = (old.model_copy(update={"artifacts": {"small": entry}}) for entry in (large, larger))
    [line] = [line for line in diff(before, after).splitlines() if line.split()[:2] == ["small", "bytes"]]
    assert line.endswith("  0.0 %")


def test_a_missing_baseline_names_the_command_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(
        BadInput, match=r"mine\.json: no such baseline; write it with: pocketbert baseline update mine$"
    ):
        load_baseline(tmp_path / "baselines/mine.json")
    with pytest.raises(BadInput, match=r"write it with: pocketbert baseline update RECIPE$"):
        load_baseline(tmp_path / "models/baseline.json")


def test_results_that_are_no_successor_are_refused(weighed: Results, tmp_path: Path) -> None:
    path, old = tmp_path / "mine.json", make_baseline(weighed, None)
    check_replaces(old, weighed, path)
    other = weighed.model_copy(update={"recipe": "other"})
    with pytest.raises(BadInput, match="baseline of recipe 'tiny', but the results are of recipe 'other'"):
        check_replaces(old, other, path)
    narrowed = weighed.model_copy(update={"profiles": weighed.profiles[:0]})
    with pytest.raises(BadInput, match=r"it has the profiles .*, which these results leave out; run the gate with all"):
        check_replaces(old, narrowed, path)
    skipped = [profile.model_copy(update={"skipped": "needs 64 cores"}) for profile in weighed.profiles]
    check_replaces(old, weighed.model_copy(update={"profiles": skipped}), path)  # a smaller machine
    limits = Thresholds(artifacts={"gone-*": {"size": 0.1}})
    with pytest.raises(BadInput, match="'gone-\\*' fits none of small, other; correct the pattern, or remove it"):
        check_replaces(old.model_copy(update={"thresholds": limits}), weighed, path)


def test_thresholds_survive_an_update(weighed: Results) -> None:
    old = make_baseline(weighed, None).model_copy(update={"thresholds": Thresholds(latency=0.2)})
    assert make_baseline(weighed, old).thresholds.latency == 0.2


def test_a_run_with_failures_makes_no_baseline(weighed: Results) -> None:
    broken = [a.model_copy(update={"failures": ["memory: no answer"]}) for a in weighed.artifacts]
    with pytest.raises(BadInput, match="small: memory: no answer; a baseline needs a run without failures"):
        make_baseline(weighed.model_copy(update={"artifacts": broken}), None)


def test_a_figure_that_no_baseline_may_have_is_named(weighed: Results) -> None:
    broken = [a.model_copy(update={"sha256": "x"} if a.role == "ship" else {}) for a in weighed.artifacts]
    with pytest.raises(BadInput, match=r'small: sha256 = "x": expected text.*; run the gate again'):
        make_baseline(weighed.model_copy(update={"artifacts": broken}), None)


def test_a_part_and_a_run_without_exports_make_no_baseline(weighed: Results) -> None:
    with pytest.raises(BadInput, match="only a part was measured; run the gate without -k and -m"):
        make_baseline(weighed.model_copy(update={"part": True}), None)
    reference = [weighed.artifact(weighed.reference)]
    with pytest.raises(BadInput, match="no artifact has the role 'ship', so there is nothing to compare"):
        make_baseline(weighed.model_copy(update={"artifacts": reference}), None)


def test_the_reference_is_known_by_its_size_else_by_its_content(weighed: Results) -> None:
    assert reference_of(weighed).sha256 == weighed.artifact(weighed.reference).sha256
    sized = [a.model_copy(update={"parameters": 3, "macs": 4}) for a in weighed.artifacts]
    found = reference_of(weighed.model_copy(update={"artifacts": sized}))
    assert (found.parameters, found.macs, found.sha256) == (3, 4, None)


def test_a_baseline_survives_writing_and_another_schema_is_refused(weighed: Results, tmp_path: Path) -> None:
    made = make_baseline(weighed, None)
    path = tmp_path / "b.json"
    write_json(path, made)
    assert load_baseline(path) == made
    assert "thresholds: latency 3.0 %, memory 5.0 %, size 1.0 %, accuracy 1.0 pp" in describe(made)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": SCHEMA + 1}))
    with pytest.raises(
        BadInput, match=r"schema is 3, this version reads 2; rewrite it with: pocketbert baseline update"
    ):
        load_baseline(path)


@pytest.mark.parametrize("place", ["mobile-1t", "mobile-1t/128/x", "/128", ""])
def test_a_latency_without_a_place_is_named(weighed: Results, tmp_path: Path, place: str) -> None:
    written = make_baseline(weighed, None).model_dump(mode="json", by_alias=True)
    entry = written["artifacts"]["small"]
    entry["latency"] = {place: {"estimate": 1.0, "low": 1.0, "high": 1.0}}
    write_json(tmp_path / "b.json", written)
    with pytest.raises(BadInput, match=f"{place!r} is no profile with a length, such as mobile-1t/128"):
        load_baseline(tmp_path / "b.json")


def changed(weighed: Results, path: Path, *keys: str, value: object) -> Path:
    """Write the baseline with another value under these keys."""
    write_json(path, make_baseline(weighed, None))
    content = json.loads(path.read_text())
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    path.write_text(json.dumps(content))
    return path


SMALL = ("artifacts", "small")


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("thresholds", "latency"), 5, "0 or more and less than 1; 5 is 500 %, did you mean 0.05?"),
        (("thresholds", "size"), 1, "0 or more and less than 1; 1 is 100 %, did you mean 0.01?"),
        (("thresholds", "memory"), -0.1, "thresholds.memory = -0.1: expected a number, 0 or more and less than 1"),
        (("thresholds", "accuracy"), math.nan, "NaN is not a finite number"),
        (("thresholds", "accuracy"), 1e308 * 10, "Infinity is not a finite number"),
        ((*SMALL, "bytes"), 0, "artifacts.small.bytes = 0: expected a whole number, more than 0"),
        ((*SMALL, "memory_own_mib"), -1, "artifacts.small.memory_own_mib = -1: expected a number, 0 or more"),
        ((*SMALL, "accuracy", "value"), 1.5, "artifacts.small.accuracy.value = 1.5: expected a number, 0 to 1"),
        ((*SMALL, "accuracy", "rows"), 0, "artifacts.small.accuracy.rows = 0: expected a whole number, more than 0"),
        ((*SMALL, "accuracy", "rows"), 400, "correct: 76 characters do not hold the outcomes of 400 rows"),
        ((*SMALL, "accuracy", "correct"), "zz" * 38, "correct: 76 characters do not hold the outcomes of 300 rows"),
        ((*SMALL, "accuracy", "counts"), 3, "correct: 76 characters do not hold the outcomes of 300 rows"),
        ((*SMALL, "latency", "cpu/128"), {"estimate": 1, "low": 0, "high": 2}, "0 < low <= estimate <= high"),
        ((*SMALL, "latency", "cpu/128"), {"estimate": 3, "low": 1, "high": 2}, "0 < low <= estimate <= high"),
        (
            ("thresholds", "artifacts"),
            {"*": {"latency": 3}},
            "thresholds.artifacts.*.latency = 3: expected a number, 0 or",
        ),
        (("recipe",), "../../x", 'recipe = "../../x": it becomes a file name, so use ASCII letters, digits, . _ -'),
    ],
)
def test_a_figure_out_of_its_range_is_refused(
    weighed: Results, tmp_path: Path, keys: tuple[str, ...], value: object, message: str
) -> None:
    path = changed(weighed, tmp_path / "b.json", *keys, value=value)
    with pytest.raises(BadInput, match=re.escape(message)) as refused:
        load_baseline(path)
    assert str(refused.value).startswith(f"{path}: ")


def test_a_number_too_large_for_a_float_is_refused(weighed: Results, tmp_path: Path) -> None:
    path = changed(weighed, tmp_path / "b.json", "thresholds", "size", value=0.0123)
    path.write_text(path.read_text().replace("0.0123", "1e999"))
    with pytest.raises(BadInput, match="1e999 is not a finite number; restore the file, or write it again"):
        load_baseline(path)


def test_names_of_a_baseline_are_shown_without_control_characters(weighed: Results) -> None:
    old = make_baseline(weighed, None)
    hostile = old.model_copy(update={"artifacts": {"a\x1b[31m\nb": old.artifacts["small"]}, "created": "\x1b[2J"})
    assert "\x1b" not in describe(hostile) + diff(old, hostile)


def test_the_most_specific_limit_counts() -> None:
    limits = Thresholds(
        artifacts={
            "*": {"size": 0.2},
            "student-*": {"latency": 0.10, "size": 0.5},
            "*-int8.onnx": {"latency": 0.07},
            "student-int8.onnx": {"memory": 0.5},
        }
    )
    assert limits.of("latency", "student-int8.onnx") == 0.07
    assert limits.of("latency", "student-fp32.onnx") == 0.10
    assert limits.of("size", "student-int8.onnx") == 0.5
    assert limits.of("memory", "student-int8.onnx") == 0.5
    assert (limits.of("accuracy", "student-int8.onnx"), limits.of("size", "teacher")) == (0.010, 0.2)
    assert limits.times(2)["artifacts"]["*-int8.onnx"] == {"latency": 0.14}
    assert str(limits).startswith(
        "latency 3.0 %, memory 5.0 %, size 1.0 %, accuracy 1.0 pp; *: size 20.0 %; student-*: lat"
    )
