"""Evidence for a regression: the changes inside an artifact whose latency or size is `regressed`.

A kind of evidence is one file here with ``find(case) -> list[Changed]`` and its name in `EVIDENCE`. ``find`` raises
`NoEvidence` with the reason if it cannot look. Evidence is collected after the timed runs.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module

from pocketbert.bench.records.results import Changed, Results, Verdict, Why
from pocketbert.bench.verdicts.why.case import Case, NoEvidence, Sides

EVIDENCE = ("operators", "tensors", "libraries")
"""Modules of this package, the most telling evidence first."""


def explain(
    verdicts: Sequence[Verdict], results: Results, sides: Mapping[str, Sides], versions: Mapping[str, str]
) -> list[Why]:
    """Return the changes inside every artifact that got slower or larger.

    Args:
        sides: artifact -> the baseline's file and the new file, where the baseline's file is in the store.
        versions: the libraries of the baseline's side.
    """
    found = []
    for artifact in dict.fromkeys(v.artifact for v in verdicts if _regressed(v)):
        regressed = [v for v in verdicts if _regressed(v) and v.artifact == artifact]
        found.append(_evidence(Case(artifact, regressed, sides.get(artifact), versions, results)))
    return found


def _regressed(verdict: Verdict) -> bool:
    return verdict.outcome == "regressed" and verdict.metric in ("latency", "size")


def _evidence(case: Case) -> Why:
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
