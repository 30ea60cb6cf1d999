"""Baselines: made from results, described, compared, refused."""

import json
from pathlib import Path

import pytest

from pocketbert.bench.records.baseline import (
    SCHEMA,
    Thresholds,
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
    assert ["small", "bytes", f"{small.bytes:,}", "->", f"{2 * small.bytes:,}", "+100.0%"] in lines
    assert [
        "small",
        "deflated",
        "bytes",
        *[f"{small.deflated_bytes:,}", "->", f"{small.deflated_bytes:,}"],
        "same",
    ] in lines
    assert any(line[:2] == ["other", "bytes"] and line[-1] == "gone" for line in lines)
    assert any(line[:2] == ["extra", "bytes"] and line[-1] == "new" for line in lines)


def test_thresholds_survive_an_update(weighed: Results) -> None:
    old = make_baseline(weighed, None).model_copy(update={"thresholds": Thresholds(latency=0.2)})
    assert make_baseline(weighed, old).thresholds.latency == 0.2


def test_a_run_with_failures_makes_no_baseline(weighed: Results) -> None:
    broken = [a.model_copy(update={"failures": ["memory: no answer"]}) for a in weighed.artifacts]
    with pytest.raises(BadInput, match="small: memory: no answer; a baseline needs a run without failures"):
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
    assert "thresholds: latency 5.0%, memory 5.0%, size 1.0%, accuracy 1.0%" in describe(made)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": SCHEMA + 1}))
    with pytest.raises(
        BadInput, match=r"schema is 3, this version reads 2; rewrite it with: pocketbert baseline update"
    ):
        load_baseline(path)
