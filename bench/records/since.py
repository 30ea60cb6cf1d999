"""What the updates of a baseline add up to since one that was pinned (`pocketbert.bench.records.updates`)."""

from pocketbert.compress.base.strict import Strict


class Since(Strict):
    """The updates since a baseline was pinned; the changes of latency are multiplied, and the largest sum is told.

    `updates` is None if the pinned baseline is not among the predecessors of the current one, or cannot be read
    (`problem`).
    """

    pin: str
    updates: int | None = None
    change: float | None = None  # relative: 0.22 is 22 % slower; None: no latency is known
    artifact: str = ""
    place: str = ""
    problem: str = ""

    def __str__(self) -> str:
        if self.updates is None:
            why = self.problem or "its baseline is not a predecessor of the current one"
            return f"updates since pin {self.pin}: unknown, {why}"
        begin = f"{self.updates} update{'s' * (self.updates != 1)} since pin {self.pin}"
        if self.change is None:
            return f"{begin}{'; their changes of latency are unknown' if self.updates else ''}"
        verb = "adds" if self.updates == 1 else "add"
        return f"{begin} {verb} up to {100 * self.change:+.1f} % latency ({self.artifact} in {self.place})"
