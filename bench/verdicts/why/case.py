"""What a kind of evidence is given to look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pocketbert.bench.measuring.pairs import Side
from pocketbert.bench.records.results import Results, Verdict

Sides = tuple[Side, Side]
"""The baseline's file and the new one."""


class NoEvidence(Exception):
    """There is nothing to be learned; the message says why."""


@dataclass(frozen=True)
class Case:
    """An artifact with its red verdicts on latency and size."""

    artifact: str
    red: Sequence[Verdict]
    sides: Sides | None
    versions: Mapping[str, str]  # of the libraries that the baseline's side stands for
    results: Results

    @property
    def metrics(self) -> list[Literal["latency", "size"]]:
        """What is red."""
        metrics: tuple[Literal["latency", "size"], ...] = ("latency", "size")
        return [metric for metric in metrics if any(v.metric == metric for v in self.red)]

    def both(self) -> Sides:
        """The two files.

        Raises:
            NoEvidence: the baseline's is not at hand, or the two are of different runtimes.
        """
        if self.sides is None:
            raise NoEvidence(
                self.results.unpaired.get(self.artifact, "there is no file of the baseline's to look into")
            )
        runtimes = [side.runtime for side in self.sides]
        if runtimes[0] != runtimes[1]:
            raise NoEvidence(f"the baseline's file is for {runtimes[0]}, the new one for {runtimes[1]}")
        return self.sides
