"""The input of every kind of evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pocketbert.bench.measuring.pairs import Side
from pocketbert.bench.records.results import Results, Verdict

Sides = tuple[Side, Side]
"""The baseline's file and the new file."""


class NoEvidence(Exception):
    """A kind of evidence cannot be collected; the message says why."""


@dataclass(frozen=True)
class Case:
    """An artifact with its regressed verdicts on latency and size."""

    artifact: str
    regressed: Sequence[Verdict]
    sides: Sides | None
    versions: Mapping[str, str]  # of the libraries of the baseline's side
    results: Results

    @property
    def metrics(self) -> list[Literal["latency", "size"]]:
        """The metrics that regressed."""
        metrics: tuple[Literal["latency", "size"], ...] = ("latency", "size")
        return [metric for metric in metrics if any(v.metric == metric for v in self.regressed)]

    def both(self) -> Sides:
        """Return the two files.

        Raises:
            NoEvidence: the baseline's file is not available, or the files are for different runtimes.
        """
        if self.sides is None:
            raise NoEvidence(self.results.unpaired.get(self.artifact, "the baseline's file is not available"))
        runtimes = [side.file.runtime for side in self.sides]
        if runtimes[0] != runtimes[1]:
            raise NoEvidence(f"the baseline's file is for {runtimes[0]}, the new file for {runtimes[1]}")
        return self.sides
