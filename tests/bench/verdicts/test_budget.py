"""Latency budgets: what a marker may say, and how an interval decides."""

import pytest

from pocketbert.bench.records.results import Failure, Latency, Results
from pocketbert.bench.stats.intervals import Interval
from pocketbert.bench.verdicts.budget import Budget, check, read
from pocketbert.compress.base.errors import BadInput


@pytest.fixture
def timed(weighed: Results) -> Results:
    """`small` takes 0.20 (0.19 to 0.21) of the reference's time, `other` 0.40 (0.39 to 0.41); 100 requests of 8 ms."""
    ratios = {"small": (0.20, 0.19, 0.21), "other": (0.40, 0.39, 0.41)}
    artifacts = []
    for a in weighed.artifacts:
        estimate, low, high = ratios.get(a.id, (1.0, 1.0, 1.0))
        scale = 2.0 if a.id == "other" else 1.0
        entry = Latency(
            profile="mobile-1t",
            length="128",
            runs=100,
            p50_ms=8.0,
            p90_ms=8.4,
            ratio=Interval(estimate=estimate, low=low, high=high),
            # Three sets of processes: 34, 33 and 33 requests, one of the sets slower throughout.
            samples_ms=[scale * ms for ms in [8.0] * 34 + [8.4] * 33 + [8.0] * 33],
        )
        artifacts.append(a.model_copy(update={"latency": [entry]}))
    return weighed.model_copy(update={"artifacts": artifacts})


@pytest.mark.parametrize(("samples", "sets"), [([], 3), ([8.0, 8.0], 3), ([8.0] * 9, 1), ([8.0, 0.0, 8.0], 3)])
def test_too_few_times_for_an_interval_are_said(timed: Results, samples: list[float], sets: int) -> None:
    small = timed.artifact("small")
    entry = small.latency[0].model_copy(update={"samples_ms": samples, "sets": sets})
    found = check(Budget(p50_ms=9.0), small.model_copy(update={"latency": [entry]}), timed)
    assert (found.outcome, found.message) == (
        "unmeasured",
        "latency: small in mobile-1t/128: too few times for an interval",
    )


@pytest.mark.parametrize(
    ("budget", "outcome"),
    [
        (Budget(ratio=0.25), "ok"),
        (Budget(ratio=0.205), "inconclusive"),
        (Budget(ratio=0.15), "over"),
        (Budget(ratio=0.15, of="reference"), "over"),
        (Budget(ratio=0.54, of="other"), "ok"),  # 0.50 in each set: 8.0 of 16.0 ms, 8.4 of 16.8, 8.0 of 16.0
        (Budget(ratio=0.501, of="other"), "ok"),
        (Budget(ratio=0.499, of="other"), "over"),
        (Budget(p50_ms=9.0), "ok"),
        (Budget(p50_ms=8.2), "inconclusive"),  # between sets it differs by more than inside any
        (Budget(p50_ms=7.0), "over"),
    ],
)
def test_a_budget_is_judged_by_the_interval(timed: Results, budget: Budget, outcome: str) -> None:
    assert check(budget, timed.artifact("small"), timed).outcome == outcome


def test_what_cannot_be_measured_here_is_absent(timed: Results) -> None:
    profiles = [p.model_copy(update={"skipped": "needs 4 cores"}) for p in timed.profiles]
    absent = check(Budget(ratio=1.0), timed.artifact("small"), timed.model_copy(update={"profiles": profiles}))
    assert (absent.outcome, absent.message) == (
        "absent",
        "latency: small in mobile-1t/128: profile mobile-1t needs 4 cores",
    )
    died = Failure(metric="latency", profile="mobile-1t", words="it died")
    broken = timed.artifact("small").model_copy(update={"latency": [], "failures": [died]})
    assert check(Budget(ratio=1.0), broken, timed).message.endswith("latency mobile-1t: it died")


def test_a_budget_of_milliseconds_uses_the_recorded_sets(timed: Results) -> None:
    [entry] = timed.artifact("small").latency
    two = entry.model_copy(update={"sets": 2, "samples_ms": [8.0] * 50 + [8.4] * 50})
    message = check(Budget(p50_ms=7.0), timed.artifact("small").model_copy(update={"latency": [two]}), timed).message
    assert "in mobile-1t/128: 8.198 ms (95 % CI " in message
    assert message.endswith(", budget 7)")


@pytest.mark.parametrize("profile", ["mobile-9t", "mobile-1t/64"])
def test_an_unknown_place_or_artifact_is_refused(timed: Results, profile: str) -> None:
    with pytest.raises(BadInput, match=r"^latency_budget: profile 'mobile-.t' .*; (measured|lengths): "):
        check(Budget(ratio=1.0, profile=profile), timed.artifact("small"), timed)
    untimed = timed.model_copy(update={"profiles": [p.model_copy(update={"lengths": []}) for p in timed.profiles]})
    with pytest.raises(BadInput, match=r"^latency_budget: profile .* was not measured; measured: "):
        check(Budget(ratio=1.0), timed.artifact("small"), untimed)
    with pytest.raises(BadInput, match="artifact 'big' was not measured; measured: reference, small, other"):
        check(Budget(ratio=1.0, of="big"), timed.artifact("small"), timed)


ONE_LIMIT = "needs one limit. Use ratio=0.5 (of the reference's P50) or p50_ms=10."
OF = '"of" needs "ratio" (a multiple of another artifact). Use ratio=0.5, of="t.onnx", or p50_ms={} alone.'


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {}, ONE_LIMIT),
        ((), {"ratio": 0.2, "p50_ms": 3}, ONE_LIMIT),
        ((0.2,), {}, "0.2 has no name. Use ratio=0.5 or p50_ms=10."),
        ((), {"ratio": "fast"}, "ratio='fast'; expected: a number above 0"),
        ((), {"ratio": True}, "ratio=True; expected: a number above 0"),
        ((), {"ratio": float("nan")}, "ratio=nan; expected: a number above 0"),
        ((), {"p50_ms": float("inf")}, "p50_ms=inf; expected: milliseconds above 0"),
        ((), {"ratio": -1}, "ratio=-1; expected: a number above 0"),
        ((), {"p50_ms": 0}, "p50_ms=0; expected: milliseconds above 0"),
        ((), {"ratio": 0.2, "of": 3}, "of=3; expected: an artifact's id"),
        ((), {"ratio": 0.2, "profile": 1}, "profile=1; expected: 'mobile-1t' or 'mobile-1t/128'"),
        ((), {"p50_ms": 12, "of": "t.onnx"}, OF.format(12)),
        ((), {"of": "t.onnx"}, OF.format(10)),
    ],
)
def test_a_marker_of_another_form_is_refused(args: tuple[object, ...], kwargs: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput) as refused:
        read(args, kwargs)
    assert str(refused.value) == f"latency_budget: {message}"


def test_a_misspelt_key_is_refused_with_the_nearest() -> None:
    with pytest.raises(BadInput, match=r"^latency_budget: unknown key 'rato', did you mean 'ratio'\? "):
        read((), {"rato": 0.2})


def test_a_whole_number_is_a_ratio() -> None:
    assert read((), {"ratio": 1, "of": "other"}) == Budget(ratio=1.0, of="other")


def test_the_first_profile_that_was_measured_counts(timed: Results) -> None:
    [profile] = timed.profiles
    skipped = profile.model_copy(update={"name": "mobile-4t", "skipped": "needs 4 cores"})
    found = check(
        Budget(ratio=0.25), timed.artifact("small"), timed.model_copy(update={"profiles": [skipped, profile]})
    )
    assert found.outcome == "ok"
    only = timed.model_copy(update={"profiles": [skipped]})
    assert check(Budget(ratio=0.25), timed.artifact("small"), only).outcome == "absent"


def test_the_artifact_without_a_figure_is_named(timed: Results) -> None:
    other = timed.artifact("other").model_copy(update={"latency": []})
    artifacts = [other if a.id == "other" else a for a in timed.artifacts]
    found = check(
        Budget(ratio=1, of="other"), timed.artifact("small"), timed.model_copy(update={"artifacts": artifacts})
    )
    assert (found.outcome, found.message) == ("unmeasured", "latency: other in mobile-1t/128: not measured")
