"""Quantiles of Student's t. With them the base install needs no SciPy, which would be a quarter of its size."""

from functools import cache
from math import cos, pi, sin, sqrt, tan

_HALVINGS = 60
"""Of the angle, after which its error is below that of a float."""


@cache
def t_quantile(share: float, freedom: int) -> float:
    """Return the value that Student's t stays below with the probability `share`, 0.5 or more and less
    than 1.

    Args:
        freedom: degrees of freedom, a whole number of 1 or more.
    """
    low, high = 0.0, pi / 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _central(middle, freedom) < 2 * share - 1 else (low, middle)
    return sqrt(freedom) * tan(low)


def _central(angle: float, freedom: int) -> float:
    """Return the probability by the finite series for whole degrees of freedom, `angle` = arctan(t / √freedom).

    Abramowitz and Stegun 1964, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
    """
    odd = freedom % 2
    term, total = (cos(angle) if odd else 1.0), 0.0
    for power in range(2 + odd, freedom + 1, 2):
        total += term
        term *= (power - 1) / power * cos(angle) ** 2
    return 2 / pi * (angle + sin(angle) * total) if odd else sin(angle) * total
