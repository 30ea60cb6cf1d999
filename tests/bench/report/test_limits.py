"""The limits of `pocketbert compare --fail`: which differences are beyond them, and how they are written."""

from collections.abc import Callable

import numpy as np
import pytest

from pocketbert.bench.records.outcomes import pack
from pocketbert.bench.records.results import Metric, Results
from pocketbert.bench.report.differences import Differences
from pocketbert.bench.report.limits import beyond, read_limits
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.tasks.paired import newcombe_drop
from tests.support.results import INT8, slower

Change = Callable[..., Results]


def said(before: Results, now: Results, **limits: float) -> list[str]:
    given: dict[Metric, float] = limits  # type: ignore[assignment]
    return [str(each) for each in beyond(Differences(before, now), given)]


def test_limits_are_fractions_percent_or_percentage_points() -> None:
    given = ["latency=3%", "size = 0.01", "accuracy=1 pp", "memory=.05"]
    assert read_limits(given) == {"latency": 0.03, "size": 0.01, "accuracy": 0.01, "memory": 0.05}
    assert read_limits(["latency=150%"]) == {"latency": 1.5}
    for wrong, words in (
        ("latncy=3%", "--fail latncy=3%: unknown metric, did you mean 'latency'?"),
        ("size", "--fail size: expected a limit, such as size=3%"),
        ("size=-1%", "expected a limit"),
        ("size=nan", "expected a limit"),
        ("latency=3", "--fail latency=3: a limit without a unit is a fraction; did you mean latency=3%?"),
        ("accuracy=1", "did you mean accuracy=1pp?"),
    ):
        with pytest.raises(BadInput) as raised:
            read_limits([wrong])
        assert words in str(raised.value)


def test_the_same_run_is_within_every_limit(results: Results) -> None:
    assert said(results, results, latency=0.0, memory=0.0, size=0.0, accuracy=0.0) == []
    assert said(results, results) == []


def test_latency_is_beyond_its_limit_if_its_whole_interval_is(results: Results, changed: Change) -> None:
    now = changed(latency=slower(results, 1.10).latency)
    lines = said(results, now, latency=0.03)
    assert len(lines) == len(set(lines)) > 1
    assert any(
        line.startswith(f"{INT8}: latency in mobile-1t/128 +10.0 % (95 % CI +7.7 to +12.4), limit +3 %")
        for line in lines
    )
    assert said(results, now, latency=0.08) == []
    assert said(now, results, latency=0.03) == [], "faster"


def test_size_and_memory_have_no_interval_and_memory_a_floor(results: Results, changed: Change) -> None:
    size, memory = results.artifact(INT8).size, results.artifact(INT8).memory
    assert size
    assert memory
    now = changed(
        size=size.model_copy(update={"bytes": round(1.02 * size.bytes)}),
        memory=memory.model_copy(update={"own_mib": memory.own_mib + 0.9}),
    )
    assert said(results, now, size=0.01, memory=0.0001) == [f"{INT8}: size +2.0 %, limit +1 %"]
    assert said(results, now, size=0.03) == []
    now = changed(memory=memory.model_copy(update={"own_mib": 2 * memory.own_mib}))
    assert said(results, now, memory=0.05) == [f"{INT8}: memory +100.0 %, limit +5 %"]


def test_accuracy_is_in_percentage_points_and_negative_is_worse(results: Results, changed: Change) -> None:
    score = results.artifact(INT8).accuracy
    assert score
    draw = np.random.default_rng(0)
    was = draw.random(score.rows) < 0.9
    now = was & (draw.random(score.rows) > 0.05)
    before, after = (changed(accuracy=score.model_copy(update=pack(each))) for each in (was, now))
    [line] = said(before, after, accuracy=0.01)
    assert line.startswith(f"{INT8}: accuracy −4.")
    assert line.endswith(", limit −1 pp")
    assert said(before, after, accuracy=0.10) == []
    assert said(after, before, accuracy=0.01) == []
    drop = newcombe_drop(was, now)
    assert said(before, after, accuracy=(drop.low + drop.estimate) / 2) == [], "the interval contains the limit"


def test_a_lost_file_and_a_metric_that_cannot_be_compared_are_beyond_the_limit(results: Results) -> None:
    fewer = results.model_copy(update={"artifacts": [a for a in results.artifacts if a.id != INT8]})
    assert said(results, fewer, size=0.5) == [f"{INT8}: not in the second run"]
    assert said(results, fewer) == []
    for metric, nothing in (("accuracy", None), ("latency", []), ("memory", None), ("size", None)):
        without = [a.model_copy(update={metric: nothing}) if a.id == INT8 else a for a in results.artifacts]
        broken = results.model_copy(update={"artifacts": without})
        assert said(results, broken, **{metric: 0.5}) == [f"{INT8}: no {metric} in the second run"]
        assert said(broken, results, **{metric: 0.5}) == []
    gone = results.artifact(INT8).latency[0]
    rest = [entry for entry in results.artifact(INT8).latency if entry.place != gone.place]
    fewer = [a.model_copy(update={"latency": rest}) if a.id == INT8 else a for a in results.artifacts]
    broken = results.model_copy(update={"artifacts": fewer})
    assert said(results, broken, latency=0.5) == [f"{INT8}: no latency in {gone.place} in the second run"]
    profiles = [
        p.model_copy(update={"skipped": "needs 4 cores"}) if p.name == gone.profile else p for p in results.profiles
    ]
    assert said(results, broken.model_copy(update={"profiles": profiles}), latency=0.5) == []
    machine = results.machine.model_copy(update={"fingerprint": "another"})
    elsewhere = results.model_copy(update={"machine": machine})
    assert said(results, elsewhere, memory=0.5) == ["memory: cannot be compared in any exported file of both runs"]
