"""Pairs as the record of the verdicts study keeps them."""

from math import log

import numpy as np


def recorded_pairs(slow_down: float, count: int, noise: float = 0.005, seed: int = 0) -> list[dict[str, object]]:
    """Make `count` pairs with that slow-down; `noise` is the standard deviation of the log ratios."""
    draw = np.random.default_rng(seed)
    made: list[dict[str, object]] = []
    for error in draw.normal(0, noise, count):
        p50 = log(1 + slow_down) + float(error)
        baseline = draw.normal(10, 0.1, 20)
        made.append(
            {
                "recording": f"{slow_down:.0%} idle",
                "p50": p50,
                "p90": p50,
                "preempted": 0.0,
                "seconds": 0.5,
                "baseline_ms": baseline.tolist(),
                "candidate_ms": (baseline * (1 + slow_down)).tolist(),
            }
        )
    return made
