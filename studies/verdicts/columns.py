"""The comparisons of the study: an artifact with itself and with slower copies, on an idle and on a busy machine."""

from dataclasses import dataclass

from pocketbert.bench.records.baseline import Thresholds

PROFILE = "mobile-1t"
LENGTH = "128"
LIMIT = Thresholds().latency
"""The gate's default threshold, which the study compares with unless another one is asked for."""


def share(fraction: float) -> str:
    """Return ``0.7%``; files and recordings of other slow-downs have other names."""
    return f"{100 * fraction:g}%"


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
        return f"{share(self.slow_down)} {'busy' if self.busy else 'idle'}"

    @property
    def name(self) -> str:
        """The name of the verdicts: `10% busy at +5%`."""
        return f"{self.recording} at +{share(self.limit)}"


def columns(limit: float = LIMIT) -> list[Column]:
    """Return the columns of a study at +`limit`, in the order of recording: the idle machine first.

    A slow-down on the threshold takes longest and is never decided, so it comes last under each load.
    """
    slow_downs = dict.fromkeys((0.0, round(2 * limit, 3), 0.10, 0.20, round(2 / 3 * limit, 3), limit))
    return [Column(slow_down, busy, limit) for busy in (False, True) for slow_down in slow_downs]
