"""Decides recorded pairs again by the rule of the gate: in the recorded order, and in resampled blocks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np
from scipy.stats import binomtest

from pocketbert.bench.gate.options import BUDGET_S
from pocketbert.bench.measuring.pairs import RUNS
from pocketbert.bench.measuring.rerun import decide_pairs
from pocketbert.bench.stats.sequential import LOOKS

_BLOCK = 4
"""Pairs that are resampled together: slow spells last longer than a pair."""


@dataclass(frozen=True)
class Rates:
    """The number of verdicts of each outcome, and what each took: pairs, and seconds."""

    counts: Counter[str]
    pairs: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.counts.total()

    def share(self, outcome: str) -> float:
        """Return the share of an outcome, 0 to 1."""
        return self.counts[outcome] / self.total if self.total else float("nan")

    def took(self) -> list[str]:
        """Return the median of the pairs, the median and the most of the seconds."""
        if not self.pairs:
            return ["–"] * 3
        return [f"{median(self.pairs):g}", f"{median(self.seconds):.1f}", f"{max(self.seconds):.1f}"]

    def shown(self, outcome: str) -> str:
        """Return count, share and exact (Clopper-Pearson) 95 % interval: ``3 = 1.5% (0.3 to 4.3)``."""
        if not self.total:
            return "–"
        low, high = binomtest(self.counts[outcome], self.total).proportion_ci(method="exact")
        return f"{self.counts[outcome]} = {self.share(outcome):.1%} ({100 * low:.1f} to {100 * high:.1f})"


def decide_once(pairs: Sequence[dict[str, Any]], limit: float) -> tuple[str, int]:
    """Return the gate's outcome on the first pairs, and the number of pairs it took; "" if there are too few pairs."""
    seconds = 0.0
    for number in range(1, len(pairs) + 1):
        seconds += pairs[number - 1]["seconds"]
        spent = number >= LOOKS[0] and seconds > BUDGET_S
        if number not in LOOKS and not spent:
            continue
        outcome, found, _ = decide_pairs(
            [p["p50"] for p in pairs[:number]], [p["p90"] for p in pairs[:number]], RUNS * number, limit
        )
        if found.outcome or spent or number == LOOKS[-1]:
            return outcome, number
    return "", len(pairs)


def in_order(pairs: Sequence[dict[str, Any]], limit: float) -> Rates:
    """Take one verdict after the other, each from the pairs after those of the verdict before."""
    rates = Rates(Counter())
    at = 0
    while at < len(pairs):
        outcome, used = decide_once(pairs[at:], limit)
        if not outcome:  # the recording ends before this verdict is decided
            break
        rates.counts[outcome] += 1
        rates.pairs.append(used)
        rates.seconds.append(sum(pair["seconds"] for pair in pairs[at : at + used]))
        at += used
    return rates


def resampled(pairs: Sequence[dict[str, Any]], limit: float, verdicts: int, seed: int = 0) -> Rates:
    """Take verdicts on sequences of random blocks of adjacent pairs (moving block bootstrap; Kunsch 1989)."""
    draw = np.random.default_rng(seed)
    counts: Counter[str] = Counter()
    if len(pairs) < _BLOCK:
        return Rates(counts)
    for _ in range(verdicts):
        starts = draw.integers(0, len(pairs) - _BLOCK + 1, size=-(-LOOKS[-1] // _BLOCK))
        sequence = [pairs[start + offset] for start in starts for offset in range(_BLOCK)]
        counts[decide_once(sequence, limit)[0]] += 1
    return Rates(counts)
