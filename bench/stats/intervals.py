"""Quantiles, and confidence intervals of ratios over independent sets of times."""

from collections.abc import Sequence
from math import exp, hypot, log, sqrt
from statistics import fmean, stdev
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike
from pydantic import AfterValidator

from pocketbert.bench.stats.student import t_quantile
from pocketbert.compress.base.strict import Strict

_LARGEST = 1e30
"""Of a ratio of two times; the change between two such ratios is a finite number."""


class Interval(Strict):
    """A point estimate with its two-sided confidence interval."""

    estimate: float
    low: float
    high: float


def _above_zero(ratio: Interval) -> Interval:
    if not 0 < ratio.low <= ratio.estimate <= ratio.high or ratio.low < 1 / _LARGEST or ratio.high > _LARGEST:
        raise ValueError(f"expected 0 < low <= estimate <= high, {1 / _LARGEST:g} to {_LARGEST:g}")
    return ratio


Ratio = Annotated[Interval, AfterValidator(_above_zero)]
"""The interval of a ratio of two times."""


def quantile(values: ArrayLike, share: float) -> float:
    """Return the linearly interpolated quantile."""
    return float(np.quantile(np.asarray(values, dtype=np.float64), share))


def ratio_over_sets(candidate: Sequence[ArrayLike], reference: Sequence[ArrayLike]) -> Interval:
    """Return the ratio of the candidate's median time to the reference's, with its 95 % CI over independent sets.

    Each set gives one log ratio of medians; the interval is Student's t over the sets, the independent repetitions.

    Args:
        candidate: times, any unit, one array per set; at least 2 sets.
        reference: times of the same sets, timed in turn with the candidate.
    """
    return _over_sets([log(quantile(a, 0.5) / quantile(b, 0.5)) for a, b in zip(candidate, reference, strict=True)])


def median_over_sets(sets: Sequence[ArrayLike]) -> Interval:
    """Return the median time with its 95 % CI over independent sets (at least 2), in the unit of the times.

    The interval is Student's t over the logarithms of the sets' medians.
    """
    return _over_sets([log(quantile(times, 0.5)) for times in sets])


def _over_sets(logs: Sequence[float]) -> Interval:
    half = t_quantile(0.975, len(logs) - 1) * stdev(logs) / sqrt(len(logs))
    middle, most = fmean(logs), log(_LARGEST) - 1
    return Interval(estimate=exp(middle), low=exp(max(middle - half, -most)), high=exp(min(middle + half, most)))


def relative_change(now: Interval, before: Interval) -> Interval:
    """Return the relative change from `before` to `now` (0.05 is 5 % more), both positive and independent.

    The limits of the difference of the logarithms are combined by the method of variance estimates recovery (Zou and
    Donner 2008, Statistics in Medicine 27).
    """
    middle = log(now.estimate / before.estimate)
    low = middle - hypot(log(now.estimate / now.low), log(before.high / before.estimate))
    high = middle + hypot(log(now.high / now.estimate), log(before.estimate / before.low))
    return Interval(estimate=exp(middle) - 1, low=exp(low) - 1, high=exp(high) - 1)
