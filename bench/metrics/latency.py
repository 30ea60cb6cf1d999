"""Latency: single requests of all artifacts in turn, so that every run has a run of the reference near it in time."""

import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from bench.child import Child, ChildFailed
from bench.results import Latency
from bench.stats import paired_ratio, quantile

PROCESS_SCATTER = 0.026
"""Standard deviation of the log ratio of one artifact to a different model from one pair of processes to the next.

Layout and start-up differ between processes and one process per artifact cannot show it. Measured over 40 repeats, an
INT8 student to its FP32 source, one thread, idle machine: CV 2.6 %.
"""
WARM_UP = 5

Samples = NDArray[np.float64]
"""Times of one artifact, ms, one per round."""


def time_in_turn(
    children: dict[str, Child], rounds: int, done: Callable[[str, float], None] = lambda who, ms: None
) -> tuple[dict[str, Samples], dict[str, str]]:
    """Run every child's requests in turn: A B C, C B A, A B C, … until each has answered `rounds` of them.

    Round *i* asks each for its request *i*. A child that fails leaves the round; the others go on.

    Args:
        children: artifact -> its child, with the requests handed over.
        rounds: timed requests per child, after the warm-up.
        done: told after every request who answered, and how long it took in ms.

    Returns:
        The times of those that went through, and the last words of those that did not.
    """
    times: dict[str, list[float]] = {who: [] for who in children}
    failed: dict[str, str] = {}
    for number in range(-WARM_UP, rounds):
        for who in list(times) if number % 2 == 0 else list(reversed(times)):
            try:
                ms = children[who].run(number % rounds)
            except ChildFailed as failure:
                failed[who] = str(failure)
                del times[who]
                continue
            done(who, ms)
            if number >= 0:
                times[who].append(ms)
    return {who: np.array(values) for who, values in times.items()}, failed


def summarize(
    profile: str, length: str, samples: Samples, reference: Samples, scatter: float, neighbours: float
) -> Latency:
    """P50, P90 and the ratio to the reference's samples of the same rounds."""
    return Latency(
        profile=profile,
        length=length,
        runs=len(samples),
        p50_ms=quantile(samples, 0.5),
        p90_ms=quantile(samples, 0.9),
        ratio=paired_ratio(samples, reference, scatter),
        samples_ms=[round(float(ms), 4) for ms in samples],
        neighbours=neighbours,
    )


def tokenizer_p50(tokenizer: Tokenizer, texts: Sequence[str]) -> float:
    """P50 of tokenizing one text, ms."""
    times = []
    for text in texts:
        begin = time.perf_counter_ns()
        tokenizer.encode(text)
        times.append((time.perf_counter_ns() - begin) / 1e6)
    return quantile(times, 0.5)
