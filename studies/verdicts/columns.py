"""The comparisons of the study: an artifact with itself and with slower copies, on an idle and on a busy machine."""

from dataclasses import dataclass

PROFILE = "mobile-1t"
LENGTH = "128"
LIMIT = 0.05  # the gate's default
TIGHT = 0.02
SLOW_DOWNS = (0.0, 0.03, 0.05, 0.10, 0.20)


@dataclass(frozen=True)
class Column:
    """One real slow-down under one load, compared with one threshold.

    Columns of the same `recording` share their recorded pairs; each column has live verdicts of its own.
    """

    slow_down: float
    busy: bool
    limit: float = LIMIT

    @property
    def recording(self) -> str:
        """The name of the pairs: `10% busy`."""
        return f"{self.slow_down:.0%} {'busy' if self.busy else 'idle'}"

    @property
    def name(self) -> str:
        """The name of the verdicts: `10% busy at +5%`."""
        return f"{self.recording} at {self.limit:+.0%}"


COLUMNS = (
    *(Column(slow_down, busy) for slow_down in (0.0, 0.10, 0.20, 0.03) for busy in (False, True)),
    Column(0.05, False, TIGHT),
    *(Column(0.05, busy) for busy in (False, True)),
)
"""In the order of recording. A slow-down on the threshold takes longest and is never decided, so it comes last."""
