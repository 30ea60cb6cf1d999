"""Library versions that moved since the baseline."""

from pocketbert.bench.records.results import Changed
from pocketbert.bench.verdicts.why.case import Case


def find(case: Case) -> list[Changed]:
    """Every library whose version is another one, in the order of their names."""
    was, now = case.versions, case.results.machine.versions
    names = sorted({*was, *now} if was else ())
    return [Changed(what=n, was=was.get(n, ""), now=now.get(n, "")) for n in names if was.get(n) != now.get(n)]
