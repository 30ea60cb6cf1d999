"""Why it regressed: what changed inside an artifact whose verdict on latency or size is red.

A kind of evidence is one file here with ``find(case) -> list[Changed]`` and its line in `EVIDENCE`. It raises
`NoEvidence` with the reason where there is none to be had. All of this happens after the timed runs.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module

from pocketbert.bench.records.results import Changed, Results, Verdict, Why
from pocketbert.bench.verdicts.why.case import Case, NoEvidence, Sides

EVIDENCE = ("operators", "tensors", "libraries")
"""What is looked for, the most telling first; the module here bears its name."""


def explain(
    verdicts: Sequence[Verdict], results: Results, sides: Mapping[str, Sides], versions: Mapping[str, str]
) -> list[Why]:
    """What changed inside every artifact that got slower or larger.

    Args:
        sides: artifact -> the baseline's file and the new one, where the baseline's could be had.
        versions: the libraries that the baseline's side stands for.
    """
    found = []
    for artifact in dict.fromkeys(v.artifact for v in verdicts if _red(v)):
        red = [v for v in verdicts if _red(v) and v.artifact == artifact]
        found.append(_look_into(Case(artifact, red, sides.get(artifact), versions, results)))
    return found


def _red(verdict: Verdict) -> bool:
    return verdict.outcome == "regressed" and verdict.metric in ("latency", "size")


def _look_into(case: Case) -> Why:
    evidence: dict[str, list[Changed]] = {}
    silent = []
    for kind in EVIDENCE:
        find: Callable[[Case], list[Changed]] = import_module(f"{__name__}.{kind}").find
        try:
            changes = find(case)
        except NoEvidence as none:
            silent.append(f"{kind}: {none}")
            continue
        if changes:
            evidence[kind] = sorted(changes, key=lambda change: -(change.cost or 0.0))
    return Why(artifact=case.artifact, metrics=case.metrics, evidence=evidence, silent=silent)
