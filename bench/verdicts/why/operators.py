"""Operators that appeared, vanished or slowed, by the runtime's own profiler; without one, their numbers alone.

Each file runs in its own child, on the threads and cores of the profile in which the artifact is slowest. Profiling
adds overhead: the times show which operators got slower, not how much slower the artifact is.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from statistics import fmean

import psutil

from pocketbert.bench.measuring.pairs import Side
from pocketbert.bench.records.results import Changed, Place, Profile
from pocketbert.bench.verdicts.why.case import Case, NoEvidence
from pocketbert.bench.workers.child import Child, ChildFailed
from pocketbert.bench.workers.inside import Operator

REQUESTS = 20
_TURNS = (0, 1, 1, 0)
"""Order in which the two sides are profiled, so that a drift of the machine's speed affects both equally."""
_SLOWED = 0.10
_MATTERS = 0.05
"""An operator is slower if its time grew by 10 %, by 5 % of the time of all before, and by 5 % of all growth."""


def find(case: Case) -> list[Changed]:
    """Return every kind of operator whose number of nodes changed, or that is slower.

    Raises:
        NoEvidence: latency did not regress, or one of the two files cannot be profiled.
    """
    slowest = max((v for v in case.regressed if v.metric == "latency"), key=lambda v: v.measured or 0.0, default=None)
    if slowest is None or slowest.profile is None:
        raise NoEvidence("latency did not regress")
    name, length = Place.parse(slowest.profile)
    profile = {p.name: p for p in case.results.profiles}[name]
    was, now = _profiled(case.both(), profile, length)
    pairs = [(was.get(kind, Operator(kind, 0, 0.0)), now.get(kind, Operator(kind, 0, 0.0))) for kind in {**now, **was}]
    timed = all(operator.ms is not None for pair in pairs for operator in pair)
    costs = [(today.ms or 0.0) - (then.ms or 0.0) for then, today in pairs]
    before = sum(then.ms or 0.0 for then, _ in pairs)
    gained = sum(max(cost, 0.0) for cost in costs)
    return [
        Changed(what=then.name, was=_said(then), now=_said(today), cost=cost if timed else None, unit="ms")
        for (then, today), cost in zip(pairs, costs, strict=True)
        if round(then.nodes, 1) != round(today.nodes, 1)
        or cost > max(_SLOWED * (then.ms or 0.0), _MATTERS * before, _MATTERS * gained)
    ]


def _profiled(sides: tuple[Side, Side], profile: Profile, length: str) -> tuple[dict[str, Operator], ...]:
    """Return kind -> operator for both sides, averaged over their turns."""
    turns: tuple[list[list[Operator]], ...] = ([], [])
    try:
        with ExitStack() as stack:
            children = [stack.enter_context(_child(side, profile, length)) for side in sides]
            for number in _TURNS:
                found = children[number].profile(sides[number].file)
                if found is None:
                    raise NoEvidence(f"{sides[number].file.runtime} has no profiler here")
                turns[number].append(found)
    except (ChildFailed, psutil.Error) as failure:
        raise NoEvidence(f"the profiler failed: {failure}") from failure
    return tuple(_average(each) for each in turns)


def _child(side: Side, profile: Profile, length: str) -> Child:
    child = Child(profile.threads, profile.cores, python=side.python)
    try:
        child.requests(side.requests[length][:REQUESTS])
    except ChildFailed:
        child.close()
        raise
    return child


def _average(turns: Sequence[Sequence[Operator]]) -> dict[str, Operator]:
    every: dict[str, list[Operator]] = {}
    for operator in (operator for turn in turns for operator in turn):
        every.setdefault(operator.name, []).append(operator)
    return {name: Operator(name, fmean(o.nodes for o in each), _mean_ms(each)) for name, each in every.items()}


def _mean_ms(operators: Sequence[Operator]) -> float | None:
    times = [operator.ms for operator in operators if operator.ms is not None]
    return fmean(times) if times else None


def _said(operator: Operator) -> str:
    if not operator.nodes:
        return ""
    return (
        f"{operator.nodes:g}" if operator.ms is None else f"{operator.nodes:g} × {operator.ms / operator.nodes:.3f} ms"
    )
