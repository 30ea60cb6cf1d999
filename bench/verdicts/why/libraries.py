"""Library versions that changed since the baseline."""

from pocketbert.bench.records.results import Changed
from pocketbert.bench.verdicts.why.case import Case


def find(case: Case) -> list[Changed]:
    """Return every library with another version, sorted by name; nothing if the versions before are unknown."""
    changed = case.results.machine.changed_versions(case.versions) if case.versions else {}
    return [Changed(what=name, was=was, now=now) for name, (was, now) in changed.items()]
