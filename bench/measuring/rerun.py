"""Runs the baseline's own artifacts again, in pairs with the new ones, until the interval of the change decides.

The measurement compares an artifact with the reference; a rerun compares it with its predecessor.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, exp
from pathlib import Path
from statistics import fmean, stdev
from time import monotonic
from typing import Literal

from pocketbert.bench.measuring.pairs import Pair, Side, SideFailed, time_pair
from pocketbert.bench.measuring.progress import Bar
from pocketbert.bench.measuring.setup import Setup
from pocketbert.bench.measuring.subject import ScoredRows, Subject, single_requests
from pocketbert.bench.records.baseline import Baseline, Entry, Thresholds
from pocketbert.bench.records.results import Paired, Place, Profile
from pocketbert.bench.records.store import Store
from pocketbert.bench.stats.sequential import LOOKS, Look, decide, look, smallest_limit
from pocketbert.bench.workers.file import File
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.runtimes import EMULATED, require
from pocketbert.compress.tasks import Task
from pocketbert.compress.tasks.tokenizer import load_tokenizer

P90_REQUESTS = 64
"""Minimum of MLPerf LoadGen for a P90 with a 99 % bound."""
PairedOutcome = Literal["ok", "improved", "regressed", "inconclusive"]
_PAIR_S = 2.0  # estimate for the progress bar


@dataclass
class Series:
    """The pairs of one artifact at one length in one profile."""

    length: str
    limit: float
    pairs: list[Pair] = field(default_factory=list)

    def decided(self) -> bool:
        """Return whether a look at these pairs has an outcome, or the maximum of pairs is reached.

        P50 may decide with fewer requests than P90 needs, where many were preempted and do not count.
        """
        if decide([pair.log_p50 for pair in self.pairs], self.limit) is None:
            return False
        return len(self.pairs) >= LOOKS[-1] or sum(pair.counted for pair in self.pairs) >= P90_REQUESTS

    def result(self, artifact: str, profile: str, against: str, seconds: float, budget_s: float) -> Paired:
        """Return the outcome of these pairs, which took `seconds`; `budget_s` was the most they could take."""
        logs, logs_p90 = [p.log_p50 for p in self.pairs], [p.log_p90 for p in self.pairs]
        outcome, p50, p90 = decide_pairs(logs, logs_p90, sum(pair.counted for pair in self.pairs), self.limit)
        note = ""
        if outcome == "inconclusive":
            note = undecided(logs, self.limit, seconds, budget_s)
        return Paired(
            artifact=artifact,
            profile=profile,
            length=self.length,
            against=against,
            outcome=outcome,
            change=p50.interval,
            change_p90=p90.interval,
            limit=self.limit,
            logs=logs,
            logs_p90=logs_p90,
            preempted=fmean(pair.preempted for pair in self.pairs),
            seconds=round(seconds, 1),
            p90_alone=outcome == "regressed" and p50.outcome != "regressed",
            note=note,
            baseline_ms=[round(float(ms), 4) for pair in self.pairs for ms in pair.times[0]],
            candidate_ms=[round(float(ms), 4) for pair in self.pairs for ms in pair.times[1]],
        )


def decide_pairs(
    logs: Sequence[float], logs_p90: Sequence[float], requests: int, limit: float
) -> tuple[PairedOutcome, Look, Look]:
    """Return the outcome, with the looks at P50 and P90: P50 decides, P90 can only make the outcome worse.

    Args:
        requests: compared requests per side; below `P90_REQUESTS` P90 is ignored.
    """
    # The look that ended the timing: pairs that were taken for P90 alone must not undo it.
    p50, p90 = decide(logs, limit) or look(logs, limit), look(logs_p90, limit)
    if p90.outcome == "regressed" and requests >= P90_REQUESTS:
        return "regressed", p50, p90
    return p50.outcome or "inconclusive", p50, p90


def undecided(logs: Sequence[float], limit: float, seconds: float, budget_s: float) -> str:
    """Return why no look decided: the noise of the machine, or a change that is close to the limit."""
    begin = f"undecided after {len(logs)} pairs in {seconds:.0f} s"
    possible = max(len(logs), int(budget_s / seconds * len(logs)) if seconds else 0)
    noise = stdev(logs)
    allowed = smallest_limit(noise, possible)
    if allowed <= limit:
        return f"{begin}: the change is close to the limit"
    return (
        f"{begin}: this machine's noise of {100 * noise:.1f} % between pairs allows limits of "
        f"+{ceil(100 * allowed)} % or more within {budget_s:.0f} s (pocketbert doctor)"
    )


def take_pairs(
    baseline: Side,
    candidate: Side,
    profile: Profile,
    every: Sequence[Series],
    budget_s: float,
    done: Callable[[int], None] = lambda number: None,
) -> float:
    """Time pairs until every series is decided or the budget is used up; return the seconds.

    A length that is decided is not timed any more. The first look is always reached, whatever the budget.

    Args:
        done: called after each pair with the number of pairs.

    Raises:
        SideFailed: a side cannot be timed.
    """
    begin = monotonic()
    number = 0
    while left := [series for series in every if not series.decided()]:
        if number >= LOOKS[0] and monotonic() - begin > budget_s:
            break
        timed = time_pair(baseline, candidate, profile, [series.length for series in left], number)
        for series in left:
            series.pairs.append(timed[series.length])
        number += 1
        done(number)
    return monotonic() - begin


class Rerun:
    """All pairs of a gate run.

    Args:
        python: the interpreter of the baseline's side. Then both sides open the candidate's file, and the interpreters
            with their libraries are compared.
    """

    def __init__(
        self,
        baseline: Baseline | None,
        store: Store,
        rows: ScoredRows,
        task: Task,
        budget_s: float,
        python: Path | None,
    ) -> None:
        self._known = baseline.artifacts if baseline else {}
        self._limits = baseline.thresholds if baseline else Thresholds()
        self._versions = baseline.machine.versions if baseline else {}
        self._store, self._rows, self._task = store, rows, task
        self._budget_s, self._python = budget_s, python
        self._planned: list[tuple[str, Subject, Profile]] = []
        self.sides: dict[str, tuple[Side, Side]] = {}
        self.paired: list[Paired] = []
        self.unpaired: dict[str, str] = {}
        self.same_file: list[str] = []

    def plan(self, setup: Setup) -> None:
        """Find the exported artifacts whose predecessor can be timed; the reason for each other is in `unpaired`."""
        lengths = list(dict.fromkeys(length for profile in setup.profiles for length in profile.lengths))
        exported = {a.id: setup.by_id[a.id] for a in setup.manifest.artifacts if a.role == "ship"}
        for name, subject in exported.items():
            entry = self._known.get(name)
            if subject.not_run:
                continue
            here = (subject.artifact.runtime, subject.sha256, subject.tokenizer_sha256, setup.machine.versions)
            there = entry and (entry.runtime, entry.sha256, entry.tokenizer_sha256, self._versions)
            if here == there and not self._python:  # nothing can differ
                self.same_file.append(name)
                continue
            candidate = Side(subject.file, {length: subject.requests(length) for length in lengths})
            baseline = self._side(name, entry, candidate, lengths)
            if baseline is None:
                continue
            self.sides[name] = (baseline, candidate)
            for profile in setup.profiles:
                setup.bar.expect(f"pairs {profile.name}", name, fixed_s=_PAIR_S * LOOKS[0])
                before = entry.positions if entry and not self._python else None
                fitting = [each for each in setup.lengths(subject, profile) if Place(profile.name, each).fits(before)]
                if fitting:
                    self._planned.append((name, subject, profile.model_copy(update={"lengths": fitting})))

    def run(self, bar: Bar) -> None:
        """Time everything that is planned and fill `paired`; a candidate's failure is recorded on its subject."""
        for name, subject, profile in self._planned:
            every = [Series(length, self._limits.of("latency", name)) for length in profile.lengths]
            try:
                seconds = self._take(name, profile, every, bar)
            except SideFailed as failed:
                if self._python or failed.which == "candidate":
                    subject.fail("latency", f"compared with the baseline: the {failed.which}: {failed}", profile.name)
                else:
                    file = self.sides[name][0].file.path.name[:12]
                    self.unpaired[name] = f"the baseline's file {file} cannot be run: {failed}"
                continue
            against = str(self._python) if self._python else self._known[name].sha256
            self.paired += [series.result(name, profile.name, against, seconds, self._budget_s) for series in every]

    def _side(self, name: str, entry: Entry | None, candidate: Side, lengths: Sequence[str]) -> Side | None:
        """Return the baseline's side (its file with its own tokens, or the other interpreter), or None.

        The reason why an entry of the baseline has no side is in `unpaired`.
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
                raise BadInput(f"{entry.runtime} is a runtime of another platform")
            require(entry.runtime)
            drawn = self._task.encode(load_tokenizer(tokenizer), self._rows.sample).one_per_row()
        except BadInput as refused:
            self.unpaired[name] = f"the baseline's file cannot be run here: {refused}"
            return None
        if entry.runtime == "onnxruntime" and path.is_dir():  # a graph, and its weights beside it
            path = next(path.glob("*.onnx"))
        requests = {length: single_requests(drawn, length) for length in lengths}
        return Side(File(entry.runtime, path, entry.inputs), requests)

    def _take(self, name: str, profile: Profile, every: Sequence[Series], bar: Bar) -> float:
        def done(number: int) -> None:
            changes = (f"{s.length} {100 * (exp(fmean(pair.log_p50 for pair in s.pairs)) - 1):+.1f} %" for s in every)
            bar.advance(f"pairs {profile.name}", name, 1 / LOOKS[0])
            said = f"{name} and the baseline's in {profile.name}: {number} pairs, {', '.join(changes)}"
            bar.now(said, log=number == 1)

        return take_pairs(*self.sides[name], profile, every, self._budget_s, done)
