"""The rules of two other tools, applied to the same recorded runs. They use wall times and ignore the pairing.

Each of their verdicts gets the runs of `GROUP` pairs, as many as most verdicts of the gate take.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.stats import mannwhitneyu

from pocketbert.bench.stats.sequential import LOOKS
from studies.verdicts.replay import Rates

GROUP = LOOKS[0]


def pytest_benchmark(pairs: Sequence[dict[str, Any]], limit: float) -> Rates:
    """Apply `--benchmark-compare-fail=median:LIMIT`, which compares the median with that of a stored run.

    The stored run is the baseline's side of the group before, as a file from an earlier run would be.
    """
    counts: Counter[str] = Counter()
    groups = _groups(pairs)
    for before, now in pairwise(groups):
        stored, measured = np.median(_runs(before, "baseline_ms")), np.median(_runs(now, "candidate_ms"))
        counts["regressed" if measured > (1 + limit) * stored else "ok"] += 1
    return Rates(counts)


def asv(pairs: Sequence[dict[str, Any]], factor: float = 1.1) -> Rates:
    """Apply `asv continuous`: slower by `factor`, with p < 0.002 in the Mann-Whitney test.

    It gets both sides of the same group, interleaved as in the gate.
    """
    counts: Counter[str] = Counter()
    for group in _groups(pairs):
        baseline, candidate = _runs(group, "baseline_ms"), _runs(group, "candidate_ms")
        slower = np.median(candidate) > factor * np.median(baseline)
        counts["regressed" if slower and mannwhitneyu(baseline, candidate).pvalue < 0.002 else "ok"] += 1
    return Rates(counts)


def _groups(pairs: Sequence[dict[str, Any]]) -> list[Sequence[dict[str, Any]]]:
    return [pairs[start : start + GROUP] for start in range(0, len(pairs) - GROUP + 1, GROUP)]


def _runs(group: Sequence[dict[str, Any]], side: str) -> list[float]:
    return [ms for pair in group for ms in pair[side]]
