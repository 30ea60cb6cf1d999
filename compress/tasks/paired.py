"""The rule by which a model is called worse than another on the same rows. Guard and gate both judge by it."""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Drop:
    """Reference's metric minus candidate's, as fractions (0.010 is one point); positive means worse."""

    estimate: float
    low: float
    high: float
    rows: int

    def settled(self, max_drop: float) -> Literal["accept", "reject", "unsettled"]:
        """Accept when the whole interval lies at or below `max_drop`, reject when it lies above, else unsettled."""
        if self.low > max_drop:
            return "reject"
        return "accept" if self.high <= max_drop else "unsettled"

    def rows_to_settle(self, max_drop: float) -> int | None:
        """About how many rows would settle it if the drop stays what it is, to two digits; None where no number would.

        The interval shrinks with the root of the rows.
        """
        side = self.high - self.estimate if self.estimate <= max_drop else self.estimate - self.low
        distance = abs(max_drop - self.estimate)
        return int(float(f"{self.rows * (side / distance) ** 2:.1e}")) if distance > 1e-9 else None

    def acceptable(self, max_drop: float) -> bool:
        """The decision: the interval where it settles the question, the point estimate where it does not."""
        return self.low <= max_drop and (self.high <= max_drop or self.estimate <= max_drop)


def wilson(successes: int, rows: int, confidence: float) -> tuple[float, float]:
    """Wilson's score interval of a proportion (Wilson 1927)."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / rows
    middle = share + z * z / (2 * rows)
    half = z * sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    scale = 1 + z * z / rows
    return (middle - half) / scale, (middle + half) / scale


def newcombe_drop(reference: NDArray[np.bool_], candidate: NDArray[np.bool_], confidence: float = 0.95) -> Drop:
    """The difference of two paired proportions, square-and-add with Wilson limits.

    Newcombe 1998, "Improved confidence intervals for the difference between binomial proportions based on paired data",
    Statistics in Medicine 17, method 10.

    Args:
        reference: which rows the reference got right, (rows,).
        candidate: the same for the candidate.
        confidence: of the two-sided interval.
    """
    rows = len(reference)
    if rows == 0 or len(candidate) != rows:
        raise ValueError(f"paired outcomes of {rows} and {len(candidate)} rows")
    both = int(np.sum(reference & candidate))
    lost = int(np.sum(reference & ~candidate))
    won = int(np.sum(~reference & candidate))
    neither = rows - both - lost - won
    p1, p2 = (both + lost) / rows, (both + won) / rows
    low1, high1 = wilson(both + lost, rows, confidence)
    low2, high2 = wilson(both + won, rows, confidence)
    marginals = (both + lost) * (won + neither) * (both + won) * (lost + neither)
    covariance = float(both * neither - lost * won)
    if covariance > 0:
        covariance = max(covariance - rows / 2, 0.0)
    phi = covariance / sqrt(marginals) if marginals else 0.0
    below = sqrt(max((p1 - low1) ** 2 - 2 * phi * (p1 - low1) * (high2 - p2) + (high2 - p2) ** 2, 0.0))
    above = sqrt(max((high1 - p1) ** 2 - 2 * phi * (high1 - p1) * (p2 - low2) + (p2 - low2) ** 2, 0.0))
    return Drop(p1 - p2, p1 - p2 - below, p1 - p2 + above, rows)


_RESAMPLES = 2000


def bootstrap_f1_drop(reference: NDArray[np.uint16], candidate: NDArray[np.uint16], confidence: float = 0.95) -> Drop:
    """The difference of two F1 on the same rows, percentile bootstrap over the rows (Efron and Tibshirani 1993).

    F1 is no mean over rows, so no interval for proportions fits it. The resamples are the same every time, so that the
    same rows give the same interval.

    Args:
        reference: of each row what was found, claimed and true, (rows, 3).
        candidate: the same for the candidate.
        confidence: of the two-sided interval.
    """
    rows = len(reference)
    if rows == 0 or len(candidate) != rows:
        raise ValueError(f"paired outcomes of {rows} and {len(candidate)} rows")
    both = np.concatenate([reference, candidate], axis=1).astype(np.float64)
    draw = np.random.default_rng(0)
    drops = np.empty(_RESAMPLES)
    for number in range(_RESAMPLES):
        times_drawn = np.bincount(draw.integers(0, rows, rows), minlength=rows)
        drops[number] = _f1_drop(times_drawn @ both)
    low, high = np.quantile(drops, [(1 - confidence) / 2, (1 + confidence) / 2])
    estimate = _f1_drop(both.sum(axis=0))
    return Drop(estimate, min(float(low), estimate), max(float(high), estimate), rows)


def _f1_drop(sums: NDArray[np.float64]) -> float:
    """F1 of the first three sums (found, claimed, true) minus that of the last three."""
    first, second = (
        2 * hit / (claimed + true) if claimed + true else 0.0 for hit, claimed, true in (sums[:3], sums[3:])
    )
    return float(first - second)
