"""The made-up run of `tests.support.results`, and variants of it."""

from collections.abc import Callable

import numpy as np
import pytest

from pocketbert.bench.records.results import Paired, Results
from pocketbert.bench.stats.intervals import Interval
from pocketbert.compress.manifest import Comparison, Step
from tests.support.results import INT8, made_up_run, verdict


@pytest.fixture
def results() -> Results:
    """A run in which everything went well."""
    return made_up_run()


@pytest.fixture
def rolled_back(results: Results) -> Results:
    """Distillation cost too much: what ships is made from the pruned model."""
    steps = [s.model_copy() for s in results.steps]
    steps[3] = Step(
        name="03-distill",
        kind="distill",
        decision="rolled-back",
        comparison=Comparison(
            metric="accuracy",
            value=0.841,
            reference=0.865,
            drop=0.024,
            low=0.011,
            high=0.037,
            rows=1736,
            confidence=0.95,
        ),
        seconds=194.0,
    )
    artifacts = [
        a.model_copy(update={"made_from": "02-prune-heads"}) if a.role == "ship" else a
        for a in results.artifacts
        if a.id != "03-distill.torch"
    ]
    return results.model_copy(update={"steps": steps, "artifacts": artifacts})


@pytest.fixture
def beside(results: Results) -> Results:
    """The student was timed beside the baseline's own file in two profiles, and is 11 % slower."""
    random = np.random.default_rng(0)
    pairs = []
    for profile, length, ms in (("cpu", "128", 6.0), ("mobile-1t", "32", 3.0), ("mobile-1t", "128", 9.6)):
        base = ms * np.exp(0.05 * random.standard_normal((2, 80)))
        pairs.append(
            Paired(
                artifact=INT8,
                profile=profile,
                length=length,
                against="3" * 64,
                outcome="regressed",
                change=Interval(estimate=0.11, low=0.095, high=0.126),
                change_p90=Interval(estimate=0.1, low=0.07, high=0.13),
                limit=0.05,
                logs=[0.104] * 4,
                logs_p90=[0.1] * 4,
                preempted=0.0,
                seconds=4.0,
                baseline_ms=base[0].round(4).tolist(),
                candidate_ms=(1.11 * base[1]).round(4).tolist(),
            )
        )
    [latency, *others] = results.verdicts
    verdicts = [
        latency.model_copy(
            update={
                "profile": str(p.place),
                "outcome": p.outcome,
                "fails": True,
                "threshold": p.limit,
                "change": p.change,
            }
        )
        for p in pairs
    ]
    return results.model_copy(update={"paired": pairs, "verdicts": [*verdicts, *others]})


@pytest.fixture
def regressed(results: Results) -> Results:
    """One file got slower, one disappeared, and one memory figure could not be settled."""
    slower = verdict(
        "latency",
        "regressed",
        0.104,
        0.121,
        (0.121, 0.119, 0.123),
        "0.1210 × reference [0.1190, 0.1230] against 0.1040, change +16.3% [+14.1%, +18.9%]; threshold +5%",
    )
    gone = verdict(
        "size",
        "missing",
        None,
        None,
        None,
        "in the baseline, but the manifest ships it no more; threshold +1%",
        "student-fp16.onnx",
    )
    unclear = verdict(
        "latency",
        "inconclusive",
        0.104,
        0.108,
        (0.108, 0.103, 0.113),
        "0.1080 × reference [0.1030, 0.1130] against 0.1040, change +3.8% [-1.0%, +8.7%]; threshold +5%",
        profile="mobile-2t/128",
    )
    absent = verdict(
        "latency",
        "missing",
        None,
        None,
        None,
        "profile mobile-4t needs 4 cores, this process may use 2; threshold +5%",
        profile="mobile-4t/128",
    )
    return results.model_copy(update={"verdicts": [slower, gone, unclear, absent, *results.verdicts[1:]]})


@pytest.fixture
def copied(beside: Results) -> Results:
    """Two files in three profiles, of which one is a copy; one file is the baseline's own."""
    profiles = [p.model_copy(update={"same_as": "cpu" if p.name == "mobile-2t" else None}) for p in beside.profiles]
    places = [f"{profile}/128" for profile in ("cpu", "mobile-1t", "mobile-2t")]
    timed = next(v for v in beside.verdicts if v.metric == "latency")
    timed = timed.model_copy(update={"outcome": "ok", "fails": False})
    blank = {"artifact": "student-fp32.onnx", "baseline": None, "measured": None, "interval": None, "change": None}
    verdicts = [timed.model_copy(update={"profile": place, **more}) for more in ({}, blank) for place in places]
    others = [v for v in beside.verdicts if v.metric != "latency"]
    update = {"profiles": profiles, "verdicts": [*verdicts, *others], "same_file": ["student-fp32.onnx"]}
    return beside.model_copy(update=update)


@pytest.fixture
def hollow(results: Results) -> Callable[..., Results]:
    """The results with parts of every artifact taken out: ``hollow("memory", "size")``."""

    def take_out(*parts: str) -> Results:
        empty = {part: [] if part == "latency" else None for part in parts}
        artifacts = [a.model_copy(update=empty) for a in results.artifacts]
        return results.model_copy(update={"artifacts": artifacts})

    return take_out


@pytest.fixture
def changed(results: Results) -> Callable[..., Results]:
    """The results with fields of one artifact replaced."""

    def change(artifact: str = INT8, **fields: object) -> Results:
        artifacts = [a.model_copy(update=fields) if a.id == artifact else a for a in results.artifacts]
        return results.model_copy(update={"artifacts": artifacts})

    return change
