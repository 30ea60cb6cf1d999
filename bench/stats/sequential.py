"""A group-sequential test: timing stops at the first look whose interval decides, with the error rate kept.

Every pair of fresh processes gives one log ratio, candidate over baseline. After each number of pairs in `LOOKS` the
mean, with Student's t interval over the pairs, is compared with the threshold. Several looks add up chances of an
error, so each look gets an equal share of the allowed 2.5 % per side. By Bonferroni's inequality the looks together
stay within 2.5 %, whatever their dependence and however small the samples (Jennison and Turnbull 2000, chapter 2, give
tighter boundaries for large samples). P90, which can only add a `regressed`, has another 2.5 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, sqrt
from statistics import fmean, stdev
from typing import Literal

from pocketbert.bench.stats.intervals import Interval
from pocketbert.bench.stats.student import t_quantile

LOOKS = (4, 6, 8, 11, 15, 20, 27, 36)
"""Numbers of pairs at which the interval is compared with the threshold; the last is the maximum."""
SIDE = 0.025
"""Probability per side that any of the intervals misses the true change."""
Decision = Literal["ok", "improved", "regressed"]


@dataclass(frozen=True)
class Look:
    """The result of one look; `outcome` is None while the interval contains the threshold."""

    pairs: int
    interval: Interval  # of the relative change: 0.05 is 5 % slower
    outcome: Decision | None


def look(logs: Sequence[float], limit: float) -> Look:
    """Compare the pairs so far (at least 2 log ratios) with a threshold of +`limit`."""
    interval = change(logs)
    outcome: Decision | None = None
    if interval.low > limit:
        outcome = "regressed"
    elif interval.high < -limit:
        outcome = "improved"
    elif interval.high <= limit:
        outcome = "ok"
    return Look(len(logs), interval, outcome)


def change(logs: Sequence[float]) -> Interval:
    """Return the relative change with its interval, valid at all looks together; identical logs give zero width."""
    middle = fmean(logs)
    half = _t(len(logs) - 1) * stdev(logs) / sqrt(len(logs))
    return Interval(estimate=exp(middle) - 1, low=exp(middle - half) - 1, high=exp(middle + half) - 1)


def decide(logs: Sequence[float], limit: float) -> Look | None:
    """Return the first look with an outcome, or the last of `LOOKS` in any case; None if more pairs are needed."""
    for pairs in LOOKS:
        if len(logs) < pairs:
            return None
        found = look(logs[:pairs], limit)
        if found.outcome:
            return found
    return found


def detectable(deviation: float, pairs: int, limit: float) -> float:
    """Return the minimum detectable effect: the slow-down (a fraction) that is `regressed` with 80 % probability.

    Args:
        deviation: standard deviation of the log ratio between pairs.
        pairs: the number of pairs that fit into the time budget.
        limit: the gate's threshold.
    """
    return (1 + limit) * exp(_margin(deviation, pairs)) - 1


def smallest_limit(deviation: float, pairs: int) -> float:
    """Return the smallest threshold at which an artifact without a slow-down is `ok` with a probability of about 80 %.

    Args:
        deviation: standard deviation of the log ratio between pairs.
        pairs: the number of pairs that fit into the time budget.
    """
    return exp(_margin(deviation, pairs)) - 1


def _margin(deviation: float, pairs: int) -> float:
    """Return the distance, in log ratios, between the true change and a threshold that is cleared 4 times out of 5."""
    last = [n for n in LOOKS if n <= max(pairs, LOOKS[0])][-1]
    return (_t(last - 1) + 0.84) * deviation / sqrt(last)


def _t(freedom: int) -> float:
    return t_quantile(1 - SIDE / len(LOOKS), freedom)
