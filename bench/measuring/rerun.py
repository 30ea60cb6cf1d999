"""Runs the baseline's own artifacts again, each beside the one that wants to replace it, until the question is settled.

`Weighing` says what an artifact costs beside the teacher; this says whether it costs more than its predecessor.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp
from pathlib import Path
from statistics import fmean
from typing import Literal

from pocketbert.bench.measuring.pairs import Pair, Side, SideFailed, time_pair
from pocketbert.bench.measuring.progress import Bar
from pocketbert.bench.measuring.subject import Rows, Subject, single_requests
from pocketbert.bench.records.baseline import Baseline, Entry, Thresholds
from pocketbert.bench.records.results import P90_ALONE, Machine, Paired, Profile
from pocketbert.bench.records.store import Store
from pocketbert.bench.stats.runs import Times
from pocketbert.bench.stats.sequential import LOOKS, Look, look, settle
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.runtimes import EMULATED, require
from pocketbert.compress.tasks import Task
from pocketbert.compress.tasks.tokenizer import load_tokenizer

P90_REQUESTS = 64
"""MLPerf LoadGen's minimum for a P90 with a 99 % bound."""
Verdict = Literal["ok", "improved", "regressed", "inconclusive"]
_PAIR_S = 2.0  # only the progress bar believes in it


@dataclass
class Question:
    """One length of one artifact in one profile: the pairs so far."""

    length: str
    limit: float
    pairs: list[Pair] = field(default_factory=list)

    def settled(self) -> bool:
        """Whether a look at these pairs settles it, or no more pairs would be taken."""
        return settle([pair.log_p50 for pair in self.pairs], self.limit) is not None

    def answer(self, artifact: str, profile: str, against: str, seconds: float) -> Paired:
        """What the pairs say."""
        logs, logs_p90 = [p.log_p50 for p in self.pairs], [p.log_p90 for p in self.pairs]
        outcome, found, tail = judge_logs(logs, logs_p90, sum(pair.counted for pair in self.pairs), self.limit)
        note = ""
        if outcome == "inconclusive":
            most = len(logs) >= LOOKS[-1]
            note = f"not settled by {len(logs)} pairs" + ("" if most else f" in {seconds:.0f} s")
        elif outcome == "regressed" and found.outcome != "regressed":
            note = P90_ALONE
        return Paired(
            artifact=artifact,
            profile=profile,
            length=self.length,
            against=against,
            outcome=outcome,
            change=found.interval,
            change_p90=tail.interval,
            limit=self.limit,
            logs=logs,
            logs_p90=logs_p90,
            preempted=fmean(pair.preempted for pair in self.pairs),
            seconds=round(seconds, 1),
            note=note,
            baseline_ms=[ms for pair in self.pairs for ms in _rounded(pair.times[0])],
            candidate_ms=[ms for pair in self.pairs for ms in _rounded(pair.times[1])],
        )


def judge_logs(
    logs: Sequence[float], logs_p90: Sequence[float], requests: int, limit: float
) -> tuple[Verdict, Look, Look]:
    """The verdict on these pairs, with what P50 and P90 say: P50 decides, P90 can only make it worse.

    Args:
        requests: how many of each side were counted; P90 has no say below `P90_REQUESTS`.
    """
    found, tail = look(logs, limit), look(logs_p90, limit)
    if tail.outcome == "regressed" and requests >= P90_REQUESTS:
        return "regressed", found, tail
    return found.outcome or "inconclusive", found, tail


def ask(
    baseline: Side,
    candidate: Side,
    profile: Profile,
    questions: Sequence[Question],
    budget_s: float,
    told: Callable[[int], None] = lambda number: None,
) -> float:
    """Take pairs until every question is settled or the budget is spent; seconds it took.

    A length that is settled is not timed any more. The first look is always reached, whatever the budget.

    Args:
        told: how many pairs there are, after each.

    Raises:
        SideFailed: one of the two cannot be timed.
    """
    begin = time.monotonic()
    number = 0
    while left := [question for question in questions if not question.settled()]:
        if number >= LOOKS[0] and time.monotonic() - begin > budget_s:
            break
        timed = time_pair(baseline, candidate, profile, [question.length for question in left], number)
        for question in left:
            question.pairs.append(timed[question.length])
        number += 1
        told(number)
    return time.monotonic() - begin


class Rerun:
    """All pairs of a gate run.

    Args:
        python: the interpreter of the baseline's side. Then both sides hold the candidate's file, and what is judged is
            the interpreter with its libraries.
    """

    def __init__(
        self, baseline: Baseline | None, store: Store, rows: Rows, task: Task, budget_s: float, python: Path | None
    ) -> None:
        self._known = baseline.artifacts if baseline else {}
        self._limit = (baseline.thresholds if baseline else Thresholds()).latency
        self._versions = baseline.machine.versions if baseline else {}
        self._store, self._rows, self._task = store, rows, task
        self._budget_s, self._python = budget_s, python
        self._planned: list[tuple[str, Subject, Side, Side, Profile]] = []
        self.sides: dict[str, tuple[Side, Side]] = {}
        self.paired: list[Paired] = []
        self.unpaired: dict[str, str] = {}
        self.same_file: list[str] = []

    def plan(self, shipped: Mapping[str, Subject], profiles: Sequence[Profile], machine: Machine, bar: Bar) -> None:
        """Find out which artifacts can be timed beside their predecessors; the others are in `unpaired` with a reason.

        Args:
            shipped: by id.
            profiles: those that are timed here.
        """
        lengths = list(dict.fromkeys(length for profile in profiles for length in profile.lengths))
        for name, subject in shipped.items():
            entry = self._known.get(name)
            if entry and not self._python and self._is_same(entry, subject, machine):
                self.same_file.append(name)
                continue
            candidate = Side(
                subject.artifact.runtime,
                subject.path,
                {length: subject.requests(length) for length in lengths},
                inputs=subject.artifact.inputs,
            )
            baseline = self._side(name, entry, candidate, lengths)
            if baseline is None:
                continue
            self.sides[name] = (baseline, candidate)
            for profile in profiles:
                bar.expect(f"pairs {profile.name}", name, fixed_s=_PAIR_S * LOOKS[0])
                self._planned.append((name, subject, baseline, candidate, profile))

    def run(self, bar: Bar) -> None:
        """Time all that was planned; fills `paired`. A candidate that fails says so in its subject's `failures`."""
        for name, subject, baseline, candidate, profile in self._planned:
            questions = [Question(length, self._limit) for length in profile.lengths]
            try:
                seconds = self._ask(name, baseline, candidate, profile, questions, bar)
            except SideFailed as failed:
                if self._python or failed.which == "candidate":
                    subject.failures.append(
                        f"latency {profile.name}: beside the baseline's: the {failed.which}: {failed}"
                    )
                else:
                    self.unpaired[name] = f"the baseline's file {baseline.path.name[:12]} cannot be run: {failed}"
                continue
            against = str(self._python) if self._python else self._known[name].sha256
            self.paired += [question.answer(name, profile.name, against, seconds) for question in questions]

    def _is_same(self, entry: Entry, subject: Subject, machine: Machine) -> bool:
        """Whether the candidate is the very file of the baseline, run by the same libraries: nothing can differ."""
        one = (entry.runtime, entry.sha256, entry.tokenizer_sha256, self._versions)
        other = (subject.artifact.runtime, subject.sha256, subject.tokenizer_sha256, machine.versions)
        return one == other

    def _side(self, name: str, entry: Entry | None, candidate: Side, lengths: Sequence[str]) -> Side | None:
        """The baseline's side: its file with its own tokens, or the other interpreter.

        None when there is none; why an entry of the baseline has none stands in `unpaired`.
        """
        if self._python:
            return replace(candidate, python=str(self._python))
        if entry is None:
            return None
        path, tokenizer = self._store.find(entry.sha256), self._store.find(entry.tokenizer_sha256)
        if path is None or tokenizer is None:
            what, sha256 = ("file", entry.sha256) if path is None else ("tokenizer", entry.tokenizer_sha256)
            self.unpaired[name] = f"the baseline's {what} {sha256[:12]} is not in the artifact store"
            return None
        try:
            if entry.runtime in EMULATED:
                raise BadInput(f"{entry.runtime} is of another system")
            require(entry.runtime)
            drawn = self._task.encode(load_tokenizer(tokenizer), self._rows.sample).begins()
        except BadInput as refused:
            self.unpaired[name] = f"the baseline's file cannot be run here: {refused}"
            return None
        requests = {length: single_requests(drawn, length) for length in lengths}
        return Side(entry.runtime, path, requests, inputs=entry.inputs)

    def _ask(
        self,
        name: str,
        baseline: Side,
        candidate: Side,
        profile: Profile,
        questions: Sequence[Question],
        bar: Bar,
    ) -> float:
        def told(number: int) -> None:
            bar.advance(f"pairs {profile.name}", name, 1 / LOOKS[0])
            bar.now(f"{name} beside the baseline's in {profile.name}: {_so_far(questions, number)}", log=number == 1)

        return ask(baseline, candidate, profile, questions, self._budget_s, told)


def _rounded(times: Times) -> list[float]:
    return [round(float(ms), 4) for ms in times]


def _so_far(questions: Sequence[Question], number: int) -> str:
    middles = (f"{q.length} {exp(fmean(p.log_p50 for p in q.pairs)) - 1:+.1%}" for q in questions)
    return f"{number} pairs, {', '.join(middles)}"
