"""Operators that appeared, vanished or slowed, by the runtime's own profiler.

Each file runs in a child of its own, on the threads and cores of the profile in which it is slowest. A profiler slows
what it watches, so its milliseconds are not the verdict's; what they are good for is who got more.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from statistics import fmean

import psutil

from bench.child import Child, ChildFailed
from bench.inside import Operator
from bench.pairs import Side
from bench.results import Changed, Profile
from bench.why.case import Case, NoEvidence

REQUESTS = 20
_TURNS = (0, 1, 1, 0)
"""Who is profiled when: a machine that slows down meanwhile slows both alike."""
_SLOWED = 0.10
_MATTERS = 0.02
"""An operator has slowed if it takes 10 % more, and that is 2 % of what all took before."""


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
    before = sum(operator.ms for operator in was.values())
    changes = []
    for kind in dict.fromkeys([*now, *was]):
        then, today = (found.get(kind, Operator(kind, 0, 0.0)) for found in (was, now))
        cost = today.ms - then.ms
        slower = cost > _SLOWED * then.ms and cost > _MATTERS * before
        if round(then.nodes, 1) != round(today.nodes, 1) or slower:
            changes.append(Changed(what=kind, was=_said(then), now=_said(today), cost=cost, unit="ms"))
    return changes


def _profiled(sides: tuple[Side, Side], profile: Profile, length: str) -> tuple[dict[str, Operator], ...]:
    """Kind -> operator, of both sides, averaged over their turns."""
    turns: tuple[list[list[Operator]], ...] = ([], [])
    try:
        with ExitStack() as stack:
            children = [stack.enter_context(_child(side, profile, length)) for side in sides]
            for number in _TURNS:
                found = children[number].profile(sides[number].runtime, sides[number].path)
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
