"""When to stop timing pairs: as soon as the interval settles the question, with the error rate kept.

Every pair of fresh processes gives one log ratio, candidate over baseline. After `LOOKS` many pairs the mean is held
against the threshold with Student's t interval over the pairs. Looking several times would add up chances of being
wrong, so each look gets an equal share of the allowed 2.5 % per side: by Bonferroni's inequality the looks together
stay within it, whatever their dependence, in samples as small as these (a group-sequential design; Jennison and
Turnbull 2000, chapter 2, has tighter boundaries for large samples). P90, which may only add a `regressed`, spends as
much again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, log, sqrt
from statistics import fmean, stdev
from typing import Literal

from pocketbert.bench.stats.intervals import Interval

LOOKS = (4, 6, 8, 11, 15, 20, 27, 36)
"""After how many pairs the interval is looked at; the last one is the most that are ever timed."""
SIDE = 0.025
"""The chance per side that any of the intervals misses the truth."""
Settled = Literal["ok", "improved", "regressed"]


@dataclass(frozen=True)
class Look:
    """What one look found; `outcome` is None while the interval holds the threshold."""

    pairs: int
    interval: Interval  # of the relative change: 0.05 is 5 % slower
    outcome: Settled | None


def look(logs: Sequence[float], limit: float) -> Look:
    """Hold the pairs so far (at least 2 log ratios) against a threshold of +`limit`."""
    interval = change(logs)
    outcome: Settled | None = None
    if interval.low > limit:
        outcome = "regressed"
    elif interval.high < -limit:
        outcome = "improved"
    elif interval.high <= limit:
        outcome = "ok"
    return Look(len(logs), interval, outcome)


def change(logs: Sequence[float]) -> Interval:
    """The relative change with its interval, valid at all looks at once.

    Identical logs have an interval of no width.
    """
    middle = fmean(logs)
    half = _t(len(logs) - 1) * stdev(logs) / sqrt(len(logs))
    return Interval(estimate=exp(middle) - 1, low=exp(middle - half) - 1, high=exp(middle + half) - 1)


def settle(logs: Sequence[float], limit: float) -> Look | None:
    """The first look that settles the question on these pairs in their order; None if more pairs are wanted.

    At the last of `LOOKS` the look is returned whatever it says.
    """
    for pairs in LOOKS:
        if len(logs) < pairs:
            return None
        found = look(logs[:pairs], limit)
        if found.outcome:
            return found
    return found


def detectable(deviation: float, pairs: int, limit: float) -> float:
    """The smallest true slow-down that the gate calls `regressed` four times out of five, as a fraction.

    Args:
        deviation: standard deviation of the log ratio between pairs.
        pairs: how many the budget pays for.
        limit: the gate's threshold.
    """
    looks = [n for n in LOOKS if n <= max(pairs, LOOKS[0])]
    error = deviation / sqrt(looks[-1])
    return exp(log(1 + limit) + (_t(looks[-1] - 1) + 0.84) * error) - 1


@cache
def _t(freedom: int) -> float:
    from scipy.stats import t

    return float(t.ppf(1 - SIDE / len(LOOKS), freedom))
