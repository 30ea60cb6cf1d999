"""Comparison of two models on the same rows, used by both guard and gate."""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Drop:
    """Reference's metric minus candidate's, as fractions (0.010 is 1 percentage point); positive means worse."""

    estimate: float
    low: float
    high: float
    rows: int

    def inconclusive(self, max_drop: float) -> bool:
        """Return whether the interval lies neither above `max_drop` nor at or below it as a whole."""
        return self.low <= max_drop < self.high

    def rows_to_decide(self, max_drop: float) -> int | None:
        """Estimate, to two digits, how many rows with the same drop would be conclusive; None if no number would.

        The interval shrinks with the square root of the number of rows.
        """
        side = self.high - self.estimate if self.estimate <= max_drop else self.estimate - self.low
        distance = abs(max_drop - self.estimate)
        return int(float(f"{self.rows * (side / distance) ** 2:.1e}")) if distance > 1e-9 else None

    def acceptable(self, max_drop: float) -> bool:
        """Decide by the interval; where it is inconclusive, by the point estimate."""
        return self.low <= max_drop and (self.high <= max_drop or self.estimate <= max_drop)


def wilson(right: int, rows: int, confidence: float) -> tuple[float, float]:
    """Compute the two-sided interval of a proportion by Wilson's score (Wilson 1927, JASA 22).

    Agresti and Coull 1998 write it as a centre and a half width.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    centre = (right + z**2 / 2) / (rows + z**2)
    half = z * sqrt(right * (rows - right) / rows + z**2 / 4) / (rows + z**2)
    return centre - half if right else 0.0, centre + half if right < rows else 1.0


def newcombe_drop(reference: NDArray[np.bool_], candidate: NDArray[np.bool_], confidence: float = 0.95) -> Drop:
    """Compute the difference of two paired proportions: square-and-add with Wilson's score limits.

    Newcombe 1998, "Improved confidence intervals for the difference between binomial proportions based on paired data",
    Statistics in Medicine 17, method 10.

    Args:
        reference: whether the reference is right, (rows,).
        candidate: whether the candidate is right, (rows,).
        confidence: of the two-sided interval.
    """
    rows = _paired_rows(reference, candidate)
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
    estimate = (lost - won) / rows  # p1 - p2 is not exact: 12 of 1,200 rows would be more than 0.010
    return Drop(estimate, estimate - below, estimate + above, rows)


_RESAMPLES = 2000


def bootstrap_f1_drop(reference: NDArray[np.uint16], candidate: NDArray[np.uint16], confidence: float = 0.95) -> Drop:
    """Compute the difference of two F1 on the same rows: percentile bootstrap over rows (Efron and Tibshirani 1993).

    F1 is not a mean over rows, so no interval for proportions applies. The seed is fixed: the same rows always give
    the same interval.

    Args:
        reference: entities found, predicted and true of each row, (rows, 3).
        candidate: the candidate's counts, (rows, 3).
        confidence: of the two-sided interval.
    """
    rows = _paired_rows(reference, candidate)
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
    """Subtract the F1 of the last three sums (found, predicted, true) from that of the first three."""
    first, second = (
        2 * hit / (predicted + true) if predicted + true else 0.0 for hit, predicted, true in (sums[:3], sums[3:])
    )
    return float(first - second)


def _paired_rows(reference: NDArray[Any], candidate: NDArray[Any]) -> int:
    if not 0 < len(reference) == len(candidate):
        raise ValueError(f"paired outcomes of {len(reference)} and {len(candidate)} rows")
    return len(reference)
