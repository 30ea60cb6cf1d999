"""Operators that appeared, vanished or slowed, by the runtime's own profiler.

Each file runs in a child of its own, on the threads and cores of the profile in which it is slowest. A profiler slows
what it watches, so its milliseconds are not the verdict's; what they are good for is who got more.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from statistics import fmean

import psutil

from pocketbert.bench.measuring.pairs import Side
from pocketbert.bench.records.results import Changed, Profile
from pocketbert.bench.verdicts.why.case import Case, NoEvidence
from pocketbert.bench.workers.child import Child, ChildFailed
from pocketbert.bench.workers.inside import Operator

REQUESTS = 20
_TURNS = (0, 1, 1, 0)
"""Who is profiled when: a machine that slows down meanwhile slows both alike."""
_SLOWED = 0.10
_MATTERS = 0.05
"""An operator has slowed if it takes 10 % more, and that is 5 % of what all took before and of what was gained."""


def find(case: Case) -> list[Changed]:
    """Every kind of operator of which there are more or fewer nodes, or that takes notably longer.

    Raises:
        NoEvidence: latency is not red, or one of the two files cannot be profiled.
    """
    slowest = max((v for v in case.red if v.metric == "latency"), key=lambda v: v.measured or 0.0, default=None)
    if slowest is None or slowest.profile is None:
        raise NoEvidence("latency did not regress")
    name, length = slowest.profile.split("/")
    profile = {p.name: p for p in case.results.profiles}[name]
    was, now = _profiled(case.both(), profile, length)
    pairs = [(was.get(kind, Operator(kind, 0, 0.0)), now.get(kind, Operator(kind, 0, 0.0))) for kind in {**now, **was}]
    before = sum(then.ms for then, _ in pairs)
    gained = sum(max(today.ms - then.ms, 0.0) for then, today in pairs)
    return [
        Changed(what=then.name, was=_said(then), now=_said(today), cost=today.ms - then.ms, unit="ms")
        for then, today in pairs
        if round(then.nodes, 1) != round(today.nodes, 1)
        or today.ms - then.ms > max(_SLOWED * then.ms, _MATTERS * before, _MATTERS * gained)
    ]


def _profiled(sides: tuple[Side, Side], profile: Profile, length: str) -> tuple[dict[str, Operator], ...]:
    """Kind -> operator, of both sides, averaged over their turns."""
    turns: tuple[list[list[Operator]], ...] = ([], [])
    try:
        with ExitStack() as stack:
            children = [stack.enter_context(_child(side, profile, length)) for side in sides]
            for number in _TURNS:
                found = children[number].profile(sides[number].runtime, sides[number].path, sides[number].inputs)
                if found is None:
                    raise NoEvidence(f"{sides[number].runtime} has no profiler here")
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
    return {
        name: Operator(name, fmean(o.nodes for o in each), fmean(o.ms for o in each)) for name, each in every.items()
    }


def _said(operator: Operator) -> str:
    return f"{operator.nodes:g} × {operator.ms / operator.nodes:.3f} ms" if operator.nodes else ""
