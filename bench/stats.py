"""Numbers in, numbers out."""

from math import exp, hypot, log

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.results import Interval

BLOCK = 5
"""Rounds that are resampled together: neighbours in time share the machine's mood."""
_RESAMPLES = 2000
_Z95 = 1.959964


def quantile(values: ArrayLike, share: float) -> float:
    """Linearly interpolated quantile."""
    return float(np.quantile(np.asarray(values, dtype=np.float64), share))


def block_rows(rounds: int, block: int, resamples: int, seed: int) -> NDArray[np.intp]:
    """Row numbers of a circular block bootstrap (Politis and Romano 1992), (resamples, rounds)."""
    starts = np.random.default_rng(seed).integers(rounds, size=(resamples, -(-rounds // block)))
    rows = (starts[:, :, None] + np.arange(block)) % rounds
    return rows.reshape(resamples, -1)[:, :rounds]


def paired_ratio(candidate: ArrayLike, reference: ArrayLike, scatter: float, seed: int = 0) -> Interval:
    """P50 of `candidate` over P50 of `reference`, timed in the same rounds, with its 95 % interval.

    Both columns are resampled by the same blocks of rounds, so that a slow spell counts against both.

    Args:
        candidate: times, any unit, (rounds,).
        reference: the same, (rounds,).
        scatter: standard deviation of the log ratio that repeating the run in this process cannot show; added in
            quadrature.
        seed: of the resampling.
    """
    a, b = np.asarray(candidate, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    rows = block_rows(len(a), BLOCK, _RESAMPLES, seed)
    logs = np.log(np.median(a[rows], axis=1) / np.median(b[rows], axis=1))
    middle = log(float(np.median(a) / np.median(b)))
    low, high = np.quantile(logs, [0.025, 0.975])
    return Interval(
        estimate=exp(middle),
        low=exp(middle - hypot(max(middle - float(low), 0.0), _Z95 * scatter)),
        high=exp(middle + hypot(max(float(high) - middle, 0.0), _Z95 * scatter)),
    )


def relative_change(now: Interval, before: Interval) -> Interval:
    """How much larger `now` is than `before`, as a fraction (0.05 is 5 % more), both positive and independent.

    The limits of the difference of the logarithms are combined by the method of variance estimates recovery (Zou and
    Donner 2008, Statistics in Medicine 27).
    """
    middle = log(now.estimate / before.estimate)
    low = middle - hypot(log(now.estimate / now.low), log(before.high / before.estimate))
    high = middle + hypot(log(now.high / now.estimate), log(before.estimate / before.low))
    return Interval(estimate=exp(middle) - 1, low=exp(low) - 1, high=exp(high) - 1)
