"""Which figure is compared with which figure of the baseline, on made-up figures."""

import numpy as np
import pytest

from pocketbert.bench.records.baseline import Baseline, make_baseline, reference_of
from pocketbert.bench.records.outcomes import pack
from pocketbert.bench.records.results import Failure, Latency, Measured, Paired, Place, Profile, Results, Verdict
from pocketbert.bench.stats.intervals import Interval
from pocketbert.bench.verdicts.decide import decide
from pocketbert.bench.verdicts.items import Item
from pocketbert.compress.tasks.paired import newcombe_drop

SHARE = 0.01  # half-width of the made-up intervals


def with_small(results: Results, **changes: object) -> Results:
    artifacts = [a.model_copy(update=changes) if a.id == "small" else a for a in results.artifacts]
    return results.model_copy(update={"artifacts": artifacts})


def latencies(ratio: float, scale_ms: float = 1.0, share: float = SHARE) -> list[Latency]:
    interval = Interval(estimate=ratio, low=ratio * (1 - share), high=ratio * (1 + share))
    times = [ratio * scale_ms] * 100
    return [
        Latency(
            profile="mobile-1t",
            length="128",
            runs=100,
            p50_ms=times[0],
            p90_ms=times[0],
            ratio=interval,
            samples_ms=times,
        )
    ]


@pytest.fixture
def plain(weighed: Results) -> Results:
    return with_small(weighed, latency=latencies(0.2))


@pytest.fixture
def before(plain: Results) -> Baseline:
    return make_baseline(plain, None)


def small(plain: Results) -> Measured:
    return plain.artifact("small")


def verdict(item: Item, results: Results, baseline: Baseline | None, strict: bool = False) -> Verdict:
    return decide([item], results, baseline, newcombe_drop, strict)[0]


LATENCY = Item("latency", "small", Place("mobile-1t", "128"))


@pytest.mark.parametrize(
    ("ratio", "share", "outcome", "fails"),
    [
        (0.20, SHARE, "ok", False),
        (0.24, SHARE, "regressed", True),
        (0.17, SHARE, "improved", False),
        (0.206, SHARE, "inconclusive", False),
        (0.24, 0.3, "inconclusive", False),
    ],
)
def test_latency_is_judged_by_the_interval_of_the_ratios_change(
    plain: Results, before: Baseline, ratio: float, share: float, outcome: str, fails: bool
) -> None:
    found = verdict(LATENCY, with_small(plain, latency=latencies(ratio, share=share)), before)
    assert (found.outcome, found.fails) == (outcome, fails)
    assert found.message.startswith(f"latency {outcome}: small in mobile-1t/128: ")
    assert f"0.2000 → {ratio:.4f} × reference" in found.message
    assert "\n" not in found.message


def test_milliseconds_have_no_say(plain: Results, before: Baseline) -> None:
    found = verdict(LATENCY, with_small(plain, latency=latencies(0.2, scale_ms=50)), before)
    assert found.outcome == "ok"
    assert "_ms" not in before.model_dump_json()


def test_inconclusive_fails_only_when_strict(plain: Results, before: Baseline) -> None:
    unsettled = with_small(plain, latency=latencies(0.206))
    assert not verdict(LATENCY, unsettled, before).fails
    assert verdict(LATENCY, unsettled, before, strict=True).fails


def test_a_foreign_machine_settles_neither_latency_nor_memory_but_size_and_accuracy(
    plain: Results, before: Baseline
) -> None:
    there = before.machine.model_copy(update={"fingerprint": "elsewhere"})
    foreign = before.model_copy(update={"machine": there})
    worse = with_small(
        plain,
        latency=latencies(2.0),
        memory=small(plain).memory.model_copy(update={"own_mib": 999.0}),
        size=small(plain).size.model_copy(update={"bytes": 10**9}),
    )
    for item in (LATENCY, Item("memory", "small")):
        found = verdict(item, worse, foreign)
        assert (found.outcome, found.fails) == ("no-baseline", False)
        assert (found.why, "from another machine" in found.message) == ("other-machine", True)
        assert verdict(item, worse, foreign, strict=True).fails
        assert verdict(item, worse, before).outcome == "regressed"
    assert verdict(Item("size", "small"), worse, foreign).outcome == "regressed"
    assert verdict(Item("accuracy", "small"), worse, foreign).outcome == "ok"


@pytest.mark.parametrize(("factor", "outcome"), [(1.0, "ok"), (1.04, "ok"), (1.06, "regressed"), (0.8, "improved")])
def test_memory_is_the_artifacts_own_share(plain: Results, factor: float, outcome: str) -> None:
    def holding(own_mib: float) -> Results:
        return with_small(plain, memory=small(plain).memory.model_copy(update={"own_mib": own_mib}))

    before = make_baseline(holding(50.0), None)
    assert verdict(Item("memory", "small"), holding(50.0 * factor), before).outcome == outcome


@pytest.mark.parametrize(
    ("what", "factor", "outcome"),
    [
        ("bytes", 1.005, "ok"),
        ("bytes", 1.02, "regressed"),
        ("deflated_bytes", 1.02, "regressed"),
        ("deflated_bytes", 0.5, "ok"),
    ],
)
def test_size_is_the_worse_of_bytes_and_deflated_bytes(
    plain: Results, before: Baseline, what: str, factor: float, outcome: str
) -> None:
    size = small(plain).size
    changed = size.model_copy(update={what: int(getattr(size, what) * factor)})
    other = with_small(plain, size=changed, sha256="c" * 64)
    assert verdict(Item("size", "small"), other, before).outcome == outcome


def test_a_file_that_another_zlib_deflates_to_another_size_has_not_changed(plain: Results, before: Baseline) -> None:
    size = small(plain).size
    deflated = size.model_copy(update={"deflated_bytes": 2 * size.deflated_bytes})
    assert verdict(Item("size", "small"), with_small(plain, size=deflated), before).outcome == "ok"


def scored(plain: Results, wrong: int, drop: float, rows: int = 2000) -> Results:
    correct = np.ones(rows, dtype=bool)
    correct[:wrong] = False
    interval = Interval(estimate=drop, low=drop - 0.002, high=drop + 0.002)
    changes = {**pack(correct), "rows": rows, "value": float(correct.mean()), "drop": interval}
    return with_small(plain, accuracy=small(plain).accuracy.model_copy(update=changes))


ACCURACY = Item("accuracy", "small")


def test_accuracy_is_held_against_the_reference_even_without_a_baseline(plain: Results) -> None:
    assert verdict(ACCURACY, scored(plain, 0, drop=0.02), None).outcome == "regressed"
    assert verdict(ACCURACY, scored(plain, 0, drop=0.009), None).outcome == "no-baseline"


def test_accuracy_is_held_against_the_baseline_on_the_same_rows(plain: Results) -> None:
    before = make_baseline(scored(plain, 10, drop=0.0), None)
    assert verdict(ACCURACY, scored(plain, 15, drop=0.0), before).outcome == "ok"
    assert verdict(ACCURACY, scored(plain, 60, drop=0.0), before).outcome == "regressed"
    unsettled = verdict(ACCURACY, scored(plain, 34, drop=0.0), before)
    assert (unsettled.outcome, unsettled.fails) == ("inconclusive", False)
    worse = make_baseline(scored(plain, 90, 0.0), None)
    assert verdict(ACCURACY, scored(plain, 10, drop=0.0), worse).outcome == "improved"
    by_the_reference = verdict(ACCURACY, scored(plain, 60, drop=0.02), before)
    assert by_the_reference.message == (
        "accuracy regressed: small: accuracy 97.00 %, baseline 99.50 %; "
        "-2.00 pp (95 % CI -2.20 to -1.80 pp, limit -1.0 pp) against the reference"
    )
    entry = before.artifacts["small"]
    other = entry.model_copy(update={"accuracy": entry.accuracy.model_copy(update={"test_sha256": "other"})})
    elsewhere = before.model_copy(update={"artifacts": {"small": other}})
    found = verdict(ACCURACY, scored(plain, 60, drop=0.0), elsewhere)
    assert (found.outcome, found.why, found.note) == (
        "no-baseline",
        "other-rows",
        "the baseline was scored on other test rows",
    )
    assert verdict(ACCURACY, scored(plain, 10, drop=0.0, rows=1000), before).why == "other-rows", "a copied digest"


def test_a_profile_that_this_machine_cannot_run_is_missing_and_fails_only_when_strict(
    plain: Results, before: Baseline
) -> None:
    skipped = Profile(name="mobile-1t", threads=1, lengths=["128"], skipped="needs 4 cores, this process may use 2")
    run = with_small(plain, latency=[]).model_copy(update={"profiles": [skipped]})
    found = verdict(LATENCY, run, before)
    assert (found.outcome, found.fails) == ("missing", False)
    assert "needs 4 cores" in found.message
    assert verdict(LATENCY, run, before, strict=True).fails


def test_the_only_profile_of_the_baseline_that_this_machine_lacks_fails(plain: Results, before: Baseline) -> None:
    skipped = Profile(name="mobile-1t", threads=1, lengths=["128"], skipped="needs 4 cores, this process may use 2")
    other = Profile(name="cpu", threads=2, lengths=["128"])
    run = with_small(plain, latency=[]).model_copy(update={"profiles": [skipped, other]})
    found = verdict(LATENCY, run, before)
    assert (found.outcome, found.fails) == ("missing", True)
    entry = before.artifacts["small"]
    both = entry.model_copy(update={"latency": entry.latency | {"cpu/128": entry.latency["mobile-1t/128"]}})
    found = verdict(LATENCY, run, before.model_copy(update={"artifacts": {"small": both}}))
    assert (found.outcome, found.fails) == ("missing", False)


@pytest.mark.parametrize("short", ["small", "reference"])
def test_a_length_that_lost_its_positions_is_missing_with_the_reason(
    plain: Results, before: Baseline, short: str
) -> None:
    run = with_small(plain, latency=[])
    artifacts = [a.model_copy(update={"positions": 64 if a.id == short else None}) for a in run.artifacts]
    found = verdict(LATENCY, run.model_copy(update={"artifacts": artifacts}), before)
    assert (found.outcome, found.fails) == ("missing", True)
    assert found.note == f"{short} has 64 positions, too few for 128 tokens"


def test_nan_beside_nan_is_missing_and_fails(plain: Results, before: Baseline) -> None:
    memory, nan = small(plain).memory, float("nan")
    assert memory
    run = with_small(plain, memory=memory.model_copy(update={"own_mib": nan}))
    entry = before.artifacts["small"].model_copy(update={"memory_own_mib": nan})
    found = verdict(Item("memory", "small"), run, before.model_copy(update={"artifacts": {"small": entry}}))
    assert (found.outcome, found.fails, found.measured) == ("missing", True, None)
    assert "a figure is not a finite number: nan MiB, baseline nan MiB" in found.message


def test_a_reference_without_a_score_fails_the_others(plain: Results, before: Baseline) -> None:
    score = small(plain).accuracy
    assert score
    lost = with_small(plain, accuracy=score.model_copy(update={"drop": None}))
    words = [Failure(metric="accuracy", words="the logits of 3 of 300 predictions are NaN or infinite")]
    artifacts = [a.model_copy(update={"failures": words}) if a.id == lost.reference else a for a in lost.artifacts]
    found = verdict(ACCURACY, lost.model_copy(update={"artifacts": artifacts}), before)
    assert (found.outcome, found.fails) == ("missing", True)
    assert found.note == "the reference reference has no score: the logits of 3 of 300 predictions are NaN or infinite"


def test_what_could_not_be_measured_is_missing_and_fails(plain: Results, before: Baseline) -> None:
    profile = Profile(name="mobile-1t", threads=1, cores=[0], lengths=["128"])
    killed = Failure(metric="latency", profile="mobile-1t", words="the child was killed by signal 9")
    run = with_small(plain, latency=[], failures=[killed])
    found = verdict(LATENCY, run.model_copy(update={"profiles": [profile]}), before)
    assert (found.outcome, found.fails) == ("missing", True)
    assert found.note == "the child was killed by signal 9"
    memory = Failure(metric="memory", words="no answer")
    assert verdict(LATENCY, with_small(plain, failures=[memory]), before).outcome == "ok"
    other_length = killed.model_copy(update={"length": "mix"})
    assert verdict(LATENCY, with_small(plain, failures=[other_length]), before).outcome == "ok"


def test_an_upgraded_library_is_named(plain: Results, before: Baseline) -> None:
    there = before.machine.model_copy(update={"versions": before.machine.versions | {"onnxruntime": "1.0"}})
    found = verdict(LATENCY, plain, before.model_copy(update={"machine": there}))
    assert "onnxruntime 1.0 -> " in found.message


def test_what_ran_and_does_not_run_any_more_is_missing(plain: Results, before: Baseline) -> None:
    gone = with_small(plain, runtime="coreml", not_run=True, latency=[], memory=None, accuracy=None)
    found = verdict(Item("accuracy", "small"), gone, before)
    assert (found.outcome, found.fails) == ("missing", True)
    assert "coreml does not run here, the baseline's onnxruntime did" in found.message
    assert verdict(LATENCY, gone, before).outcome == "missing"
    assert verdict(Item("size", "small"), gone, before).outcome == "ok"


def test_a_reference_of_unknown_size_is_known_by_its_content(plain: Results) -> None:
    unsized = [a.model_copy(update={"parameters": None, "macs": None}) for a in plain.artifacts]
    old = plain.model_copy(update={"artifacts": unsized})
    other = [a.model_copy(update={"sha256": "f" * 64}) if a.id == plain.reference else a for a in unsized]
    new = old.model_copy(update={"artifacts": other})
    assert reference_of(old) != reference_of(new)
    before = make_baseline(old, None)
    found = verdict(LATENCY, new, before)
    assert (found.outcome, found.why) == ("no-baseline", "other-reference")
    assert f"the baseline has another reference model (sha256 {reference_of(old).sha256}, here fff" in found.message
    older = before.model_copy(update={"reference": before.reference.model_copy(update={"sha256": None})})
    assert verdict(LATENCY, new, older).outcome == "ok"


def paired(change: float, **changes: object) -> Paired:
    around = Interval(estimate=change, low=change - 0.01, high=change + 0.01)
    plain: dict[str, object] = {
        "artifact": "small",
        "profile": "mobile-1t",
        "length": "128",
        "against": "0" * 64,
        "outcome": "ok",
        "change": around,
        "change_p90": around,
        "limit": 0.05,
        "logs": [change] * 4,
        "logs_p90": [change] * 4,
        "preempted": 0.0,
        "seconds": 5.0,
    }
    return Paired.model_validate(plain | changes)


def test_pairs_decide_even_on_a_foreign_machine(plain: Results, before: Baseline) -> None:
    foreign = before.model_copy(update={"machine": before.machine.model_copy(update={"fingerprint": "elsewhere"})})
    pairs = paired(0.2, outcome="regressed").model_copy(update={"baseline_ms": [9.9, 10.1], "candidate_ms": [12.0]})
    slower = plain.model_copy(update={"paired": [pairs]})
    found = verdict(LATENCY, slower, foreign)
    assert (found.outcome, found.fails) == ("regressed", True)
    assert found.message == (
        "latency regressed: small in mobile-1t/128: 20.0 % slower than the baseline "
        "(95 % CI +19.0 to +21.0 %, limit +5 %), P50 10 → 12 ms, 4 pairs"
    )


def test_the_baselines_very_file_needs_no_timing(plain: Results, before: Baseline) -> None:
    same = with_small(plain, latency=latencies(0.24)).model_copy(update={"same_file": ["small"]})
    found = verdict(LATENCY, same, before)
    assert (found.outcome, found.measured) == ("ok", None)  # nothing was timed, so no figure is shown
    assert found.message.endswith(": identical to the baseline's file, with the same libraries")


def test_without_the_baselines_file_the_reference_decides_and_the_message_says_why(
    plain: Results, before: Baseline
) -> None:
    alone = plain.model_copy(update={"unpaired": {"small": "the baseline's file abc is not in the artifact store"}})
    assert verdict(LATENCY, alone, before).message.endswith(
        "by the ratio to the reference because the baseline's file abc is not in the artifact store"
    )


def test_libraries_that_moved_are_named_and_not_judged_by_pairs(plain: Results, before: Baseline) -> None:
    versions = before.machine.versions | {"onnxruntime": "0.1"}
    older = before.model_copy(update={"machine": before.machine.model_copy(update={"versions": versions})})
    found = verdict(LATENCY, plain.model_copy(update={"paired": [paired(0.0)]}), older)
    assert "libraries, not compared, onnxruntime 0.1 -> " in found.message
    other = plain.model_copy(update={"paired": [paired(0.0)], "other_versions": versions})
    assert ", onnxruntime 0.1 -> " in verdict(LATENCY, other, before).message


def test_a_candidate_that_failed_beside_the_baseline_is_missing(plain: Results, before: Baseline) -> None:
    killed = Failure(metric="latency", profile="mobile-1t", words="compared with the baseline: the candidate: killed")
    found = verdict(LATENCY, with_small(plain, failures=[killed]), before)
    assert (found.outcome, found.fails) == ("missing", True)
    assert "killed" in found.message


def test_an_artifact_may_have_a_limit_of_its_own(plain: Results, before: Baseline) -> None:
    slower = with_small(plain, latency=latencies(0.24))
    usual = verdict(LATENCY, slower, before)
    assert (usual.outcome, usual.threshold) == ("regressed", 0.03)
    limits = before.thresholds.model_copy(update={"artifacts": {"sm*": {"latency": 0.5}}})
    own = verdict(LATENCY, slower, before.model_copy(update={"thresholds": limits}))
    assert (own.outcome, own.threshold) == ("ok", 0.5)
    assert own.change and own.change.estimate == pytest.approx(0.2)


def test_the_change_in_accuracy_is_negative_where_it_is_worse(plain: Results, before: Baseline) -> None:
    score = small(plain).accuracy
    assert score
    worse = score.model_copy(update={**pack(np.zeros(score.rows, dtype=np.bool_)), "value": 0.0})
    found = verdict(Item("accuracy", "small"), with_small(plain, accuracy=worse), before)
    assert found.outcome == "regressed"
    assert found.change and found.change.high < 0


@pytest.mark.parametrize(("max_drop", "outcome"), [(0.01, "regressed"), (0.03, "no-baseline")])
def test_the_limit_against_the_teacher_is_the_manifests(plain: Results, max_drop: float, outcome: str) -> None:
    run = scored(plain, 0, drop=0.02).model_copy(update={"max_drop": max_drop})
    assert verdict(ACCURACY, run, None).outcome == outcome


@pytest.mark.parametrize("metric", ["memory", "accuracy"])
def test_every_metric_has_a_limit_of_its_own(plain: Results, metric: str) -> None:
    def holding(wrong: int, own_mib: float) -> Results:
        memory = small(plain).memory.model_copy(update={"own_mib": own_mib})
        return with_small(scored(plain, wrong, 0.0), memory=memory)

    before, worse = make_baseline(holding(10, 50.0), None), holding(60, 60.0)
    wide = before.model_copy(update={"thresholds": before.thresholds.model_copy(update={metric: 0.5})})
    outcomes = [verdict(Item(metric, "small"), worse, each).outcome for each in (before, wide)]
    assert outcomes == ["regressed", "ok"]


def test_a_failure_of_the_profile_that_was_measured_fails_its_twin(plain: Results, before: Baseline) -> None:
    run = with_small(plain, failures=[Failure(metric="latency", profile="cpu", words="the candidate: killed")])
    twin = Profile(name="mobile-1t", threads=1, cores=[0], lengths=["128"], same_as="cpu")
    assert verdict(LATENCY, run, before).outcome == "ok"
    assert verdict(LATENCY, run.model_copy(update={"profiles": [twin]}), before).outcome == "missing"


def test_a_length_or_profile_that_is_gone_is_said_and_tolerated(plain: Results, before: Baseline) -> None:
    run, entry = with_small(plain, latency=[]), before.artifacts["small"]
    both = entry.model_copy(update={"latency": entry.latency | {"mobile-1t/mix": entry.latency["mobile-1t/128"]}})
    known = before.model_copy(update={"artifacts": {"small": both}})
    only = Profile(name="mobile-1t", threads=1, cores=[0], lengths=["mix"])
    for profiles, said in (([only], "no longer has length 128"), ([], "no longer exists")):
        found = verdict(LATENCY, run.model_copy(update={"profiles": profiles}), known)
        assert (found.outcome, found.fails) == ("missing", False)
        assert f"profile mobile-1t {said}" in found.message
