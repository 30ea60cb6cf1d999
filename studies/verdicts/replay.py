"""Recorded pairs through the gate's own rule again: in the order recorded, each used once, and in resampled blocks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import beta

from pocketbert.bench.gate.options import BUDGET_S
from pocketbert.bench.measuring.pairs import RUNS
from pocketbert.bench.measuring.rerun import judge_logs
from pocketbert.bench.stats.sequential import LOOKS

_BLOCK = 4
"""Pairs that stay together when resampled: slow spells last longer than a pair."""


@dataclass(frozen=True)
class Rates:
    """How many verdicts came out how."""

    counts: Counter[str]

    @property
    def total(self) -> int:
        return self.counts.total()

    def share(self, outcome: str) -> float:
        """0 to 1."""
        return self.counts[outcome] / self.total if self.total else float("nan")

    def shown(self, outcome: str) -> str:
        """``3 = 1.5 % (0.3 to 4.3)``: count, share, and its interval, which is exact for independent verdicts."""
        if not self.total:
            return "–"
        low, high = clopper_pearson(self.counts[outcome], self.total)
        return f"{self.counts[outcome]} = {self.share(outcome):.1%} ({100 * low:.1f} to {100 * high:.1f})"


def clopper_pearson(hits: int, total: int) -> tuple[float, float]:
    """The exact 95 % interval of a proportion (Clopper and Pearson 1934)."""
    low = float(beta.ppf(0.025, hits, total - hits + 1)) if hits else 0.0
    high = float(beta.ppf(0.975, hits + 1, total - hits)) if hits < total else 1.0
    return low, high


def judge_once(pairs: Sequence[dict[str, Any]], limit: float) -> tuple[str, int]:
    """The gate's verdict on the first pairs of a sequence, and how many it took; "" when the sequence is too short."""
    seconds = 0.0
    for number in range(1, len(pairs) + 1):
        seconds += pairs[number - 1]["seconds"]
        spent = number >= LOOKS[0] and seconds > BUDGET_S
        if number not in LOOKS and not spent:
            continue
        outcome, found, _ = judge_logs(
            [p["p50"] for p in pairs[:number]], [p["p90"] for p in pairs[:number]], RUNS * number, limit
        )
        if found.outcome or spent or number == LOOKS[-1]:
            return outcome, number
    return "", len(pairs)


def in_order(pairs: Sequence[dict[str, Any]], limit: float) -> Rates:
    """One verdict after the other, each from the pairs that follow those of the one before."""
    counts: Counter[str] = Counter()
    at = 0
    while at < len(pairs):
        outcome, used = judge_once(pairs[at:], limit)
        if not outcome:  # the recording ends in the middle of this one, and it could have come out either way
            break
        counts[outcome] += 1
        at += used
    return Rates(counts)


def resampled(pairs: Sequence[dict[str, Any]], limit: float, verdicts: int, seed: int = 0) -> Rates:
    """Verdicts on sequences put together from random blocks of neighbouring pairs (moving blocks; Kunsch 1989)."""
    draw = np.random.default_rng(seed)
    counts: Counter[str] = Counter()
    if len(pairs) < _BLOCK:
        return Rates(counts)
    for _ in range(verdicts):
        starts = draw.integers(0, len(pairs) - _BLOCK + 1, size=-(-LOOKS[-1] // _BLOCK))
        sequence = [pairs[start + offset] for start in starts for offset in range(_BLOCK)]
        counts[judge_once(sequence, limit)[0]] += 1
    return Rates(counts)
