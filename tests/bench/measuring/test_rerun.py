"""Pairs are taken until the interval decides, and only for artifacts whose predecessor can be run."""

import re
from math import log
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pocketbert.bench.machine.cores import usable_cores
from pocketbert.bench.measuring import rerun
from pocketbert.bench.measuring.pairs import Pair, Side, SideFailed
from pocketbert.bench.measuring.rerun import Rerun, Series, decide_pairs, take_pairs, undecided
from pocketbert.bench.measuring.setup import Setup
from pocketbert.bench.records.baseline import Baseline, make_baseline
from pocketbert.bench.records.results import Profile, Results
from pocketbert.bench.records.store import Store
from pocketbert.bench.stats.runs import Run
from pocketbert.bench.stats.sequential import LOOKS
from pocketbert.bench.workers.file import File

PROFILE = Profile(name="mobile-1t", threads=1, cores=usable_cores()[:1], lengths=["64"])
SIDE = Side(File("onnxruntime", Path("model.onnx")), {"64": [[1, 2]]})


def answered(ms: list[float]) -> list[Run]:
    return [Run(ms=value, cpu_ms=value, involuntary_switches=0, voluntary_switches=0) for value in ms]


def slower(factor: float) -> Pair:
    return Pair(answered([10.0] * 20), answered([10.0 * factor] * 20), 1)


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The lengths of every pair; length 64 takes 20 % longer, "mix" wavers around the limit of 5 %."""
    lengths_of_pairs: list[list[str]] = []

    def time_pair(*given: Any) -> dict[str, Pair]:
        _, _, _, lengths, number = given
        lengths_of_pairs.append(list(lengths))
        wavering = slower(1.05 * (1.1 if number % 2 else 1 / 1.1))
        return {length: slower(1.2) if length == "64" else wavering for length in lengths}

    monkeypatch.setattr(rerun, "time_pair", time_pair)
    return lengths_of_pairs


def test_a_length_that_is_decided_is_not_timed_any_more(timed: list[list[str]]) -> None:
    every, seen = [Series("64", 0.05), Series("mix", 0.05)], list[int]()
    take_pairs(SIDE, SIDE, PROFILE, every, 60.0, seen.append)
    assert [len(series.pairs) for series in every] == [LOOKS[0], LOOKS[-1]]
    assert timed == [["64", "mix"]] * LOOKS[0] + [["mix"]] * (LOOKS[-1] - LOOKS[0])
    assert seen == list(range(1, LOOKS[-1] + 1))
    clear, unclear = (series.result("small", "mobile-1t", "a", 60.0, 60.0) for series in every)
    assert (clear.outcome, clear.p90_alone, clear.note) == ("regressed", False, "")
    assert unclear.outcome == "inconclusive"
    assert unclear.note.startswith(f"undecided after {LOOKS[-1]} pairs in 60 s: this machine's noise of ")


def test_pairs_are_taken_until_p90_has_its_requests() -> None:
    """On several threads a preempted run does not count: here 5 of 20 requests."""
    lost = [run._replace(involuntary_switches=1) for run in answered([10.0] * 5)]
    pair = Pair([*lost, *answered([10.0] * 15)], answered([10.0] * 20), 2)
    assert pair.counted == 15
    assert [Series("64", 0.05, [pair] * count).decided() for count in (4, 5)] == [False, True]
    assert Series("64", 0.05, [slower(1.0)] * 4).decided()


@pytest.mark.usefixtures("timed")
def test_the_first_look_is_reached_whatever_the_budget() -> None:
    series = Series("mix", 0.05)
    take_pairs(SIDE, SIDE, PROFILE, [series], 0.0)
    assert len(series.pairs) == LOOKS[0]
    found = series.result("small", "mobile-1t", "a", 0.4, 0.0)
    assert found.outcome == "inconclusive"
    assert found.note.startswith(f"undecided after {LOOKS[0]} pairs in 0 s: this machine's noise")


def test_an_undecided_comparison_says_which_limit_the_noise_allows() -> None:
    noisy, quiet = [0.08, -0.08] * 18, [0.028, 0.032] * 18
    assert undecided(noisy, 0.03, 20.0, 60.0) == (
        "undecided after 36 pairs in 20 s: this machine's noise of 8.1 % between pairs allows limits of +6 % or more "
        "within 60 s (pocketbert doctor)"
    )
    few = undecided(noisy[:4], 0.03, 60.0, 60.0)  # no more pairs fit into the budget
    assert "limits of +43 % or more" in few
    assert undecided(noisy[:4], 0.03, 1.0, 60.0) == few.replace("60 s: ", "1 s: ").replace("+43 %", "+6 %")
    assert undecided(quiet, 0.03, 20.0, 60.0) == "undecided after 36 pairs in 20 s: the change is close to the limit"


def test_p90_makes_a_verdict_worse_and_never_better() -> None:
    plain, slow_tail, slow = [10.0] * 20, [10.0] * 16 + [13.0] * 4, [13.0] * 20
    found = Series("64", 0.05, [Pair(answered(plain), answered(slow_tail), 1)] * 4).result("a", "one", "b", 1.0, 60.0)
    assert (found.outcome, found.p90_alone) == ("regressed", True)
    found = Series("64", 0.05, [Pair(answered(slow_tail), answered(slow), 1)] * 4).result("a", "one", "b", 1.0, 60.0)
    assert (found.outcome, found.p90_alone) == ("regressed", False)
    few = [Pair(answered(plain[:10]), answered(slow_tail[10:]), 1)] * 4
    assert Series("64", 0.05, few).result("a", "one", "b", 1.0, 60.0).outcome == "ok"  # 40 requests give no P90


@pytest.mark.parametrize(("requests", "outcome"), [(63, "ok"), (64, "regressed")])
def test_p90_counts_from_64_requests_on(requests: int, outcome: str) -> None:
    assert decide_pairs([0.0] * 4, [0.2] * 4, requests, 0.05)[0] == outcome


@pytest.fixture
def baseline(weighed: Results) -> Baseline:
    return make_baseline(weighed, None)


def setup_of(results: Results, runtime: str = "onnxruntime", sha256: str | None = None) -> Setup:
    """Artifact `small` alone, with these changes."""
    small = results.artifact("small")
    subject = SimpleNamespace(
        artifact=SimpleNamespace(runtime=runtime),
        sha256=sha256 or small.sha256,
        tokenizer_sha256=small.tokenizer_sha256,
        not_run=False,
        file=SIDE.file,
        requests=lambda _: [[1, 2]],
        fail=lambda *words: failed.append(words),
    )
    failed: list[tuple[str, ...]] = []
    manifest = SimpleNamespace(artifacts=[SimpleNamespace(id="small", role="ship")])
    bar = SimpleNamespace(expect=lambda *_, **__: None, advance=lambda *_: None, now=lambda *_, **__: None)
    setup = SimpleNamespace(
        manifest=manifest,
        by_id={"small": subject},
        profiles=[PROFILE],
        machine=results.machine,
        bar=bar,
        failed=failed,
        lengths=lambda subject, profile: profile.lengths,
    )
    return cast("Setup", setup)


def rerun_of(baseline: Baseline, store: Path, python: Path | None = None) -> Rerun:
    rows, task = (
        SimpleNamespace(sample={}),
        SimpleNamespace(encode=lambda *_: SimpleNamespace(one_per_row=lambda: [[1]])),
    )
    return Rerun(baseline, Store(store), cast("Any", rows), cast("Any", task), 0.0, python)


def test_the_baselines_own_file_is_not_timed_again(weighed: Results, baseline: Baseline, store: Path) -> None:
    found = rerun_of(baseline, store)
    found.plan(setup_of(weighed))
    assert (found.same_file, found.sides, found.unpaired) == (["small"], {}, {})
    versions = {**baseline.machine.versions, "onnxruntime": "0"}
    older = baseline.model_copy(update={"machine": baseline.machine.model_copy(update={"versions": versions})})
    found = rerun_of(older, store)
    found.plan(setup_of(weighed))
    assert (found.same_file, list(found.sides)) == ([], ["small"])


def test_a_length_that_the_predecessor_has_no_positions_for_is_not_timed(
    weighed: Results, baseline: Baseline, store: Path
) -> None:
    for positions, planned in ((None, 1), (64, 1), (63, 0)):
        entry = baseline.artifacts["small"].model_copy(update={"positions": positions})
        found = rerun_of(baseline.model_copy(update={"artifacts": {"small": entry}}), store)
        found.plan(setup_of(weighed, sha256="f" * 64))
        assert len(found._planned) == planned


def test_another_interpreter_opens_the_candidates_file(weighed: Results, baseline: Baseline, store: Path) -> None:
    found = rerun_of(baseline, store, Path("/other/python"))
    found.plan(setup_of(weighed))
    was, now = found.sides["small"]
    assert (was.file, was.python) == (now.file, "/other/python")
    assert now.python != was.python


def test_a_predecessor_that_cannot_be_run_has_a_reason(
    weighed: Results, baseline: Baseline, store: Path, tmp_path: Path
) -> None:
    new = setup_of(weighed, sha256="f" * 64)
    for there, runtime, reason in (
        (tmp_path, "onnxruntime", r"the baseline's file \w{12} is not in the artifact store"),
        (store, "coreml", "the baseline's file cannot be run here: coreml is a runtime of another platform"),
    ):
        entry = baseline.artifacts["small"].model_copy(update={"runtime": runtime})
        found = rerun_of(baseline.model_copy(update={"artifacts": {"small": entry}}), there)
        found.plan(new)
        assert not found.sides
        assert re.fullmatch(reason, found.unpaired["small"])


@pytest.mark.parametrize("which", ["baseline", "candidate"])
def test_a_side_that_fails_is_recorded_where_it_belongs(
    which: str, weighed: Results, baseline: Baseline, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def time_pair(*_: Any) -> dict[str, Pair]:
        raise SideFailed(which, "killed")

    monkeypatch.setattr(rerun, "time_pair", time_pair)
    setup = setup_of(weighed, sha256="f" * 64)
    found = rerun_of(baseline, store)
    found.plan(setup)
    found.run(setup.bar)
    failed = cast("Any", setup).failed
    if which == "candidate":
        assert failed == [("latency", "compared with the baseline: the candidate: killed", "mobile-1t")]
    else:
        assert failed == []
        assert found.unpaired["small"].endswith("cannot be run: killed")


@pytest.mark.usefixtures("timed")
def test_pairs_are_decided_by_the_baselines_own_limit(weighed: Results, baseline: Baseline, store: Path) -> None:
    """Length 64 takes 20 % longer, which this baseline allows these files."""
    limits = baseline.thresholds.model_validate(
        baseline.thresholds.model_dump() | {"artifacts": {"sm*": {"latency": 0.5}}}
    )
    setup = setup_of(weighed, sha256="f" * 64)
    found = rerun_of(baseline.model_copy(update={"thresholds": limits}), store)
    found.plan(setup)
    found.run(setup.bar)
    [pair] = found.paired
    assert (pair.limit, pair.outcome, pair.against) == (0.5, "ok", baseline.artifacts["small"].sha256)


def test_the_baselines_file_gets_its_own_tokens_and_input_names(
    weighed: Results, baseline: Baseline, store: Path
) -> None:
    """The task of these tests tokenizes each text to one token; the candidate has two."""
    entry = baseline.artifacts["small"].model_copy(update={"inputs": {"ids": "input_ids"}})
    found = rerun_of(baseline.model_copy(update={"artifacts": {"small": entry}}), store)
    found.plan(setup_of(weighed, sha256="f" * 64))
    was, now = found.sides["small"]
    assert {len(set(each)) for each in was.requests["64"]} == {1}
    assert now.requests == {"64": [[1, 2]]}
    assert (was.file.path.name, was.file.inputs) == (entry.sha256, entry.inputs)


def test_a_file_with_another_tokenizer_or_runtime_is_timed(weighed: Results, baseline: Baseline, store: Path) -> None:
    for change in ({"tokenizer_sha256": "e" * 64}, {"artifact": SimpleNamespace(runtime="executorch")}):
        setup, found = setup_of(weighed), rerun_of(baseline, store)
        vars(setup.by_id["small"]).update(change)
        found.plan(setup)
        assert (found.same_file, list(found.sides)) == ([], ["small"])


def test_each_request_is_compared_with_itself() -> None:
    """The median of the ratios, not the ratio of the medians."""
    assert Pair(answered([1.0, 10.0, 100.0]), answered([2.0, 20.0, 11.0]), 1).log_p50 == pytest.approx(log(2))


def test_pairs_for_p90_do_not_undo_the_look_that_decided() -> None:
    logs = [0.0, 0.001, -0.001, 0.0]
    assert decide_pairs(logs, [0.0] * 4, 40, 0.03)[0] == "ok"
    assert decide_pairs([*logs, 0.05], [0.0] * 5, 80, 0.03)[0] == "ok"
