"""Latency: single requests of all artifacts in turn, so that every run has a run of the reference near it in time.

What a process finds at its start (where its memory lies, how its threads fall) stays with it, so runs inside one
process do not tell how far two processes differ. Every figure therefore comes from several sets of fresh processes, and
the interval of a ratio is taken over the sets.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from pocketbert.bench.records.results import Latency
from pocketbert.bench.stats.intervals import quantile, ratio_over_sets
from pocketbert.bench.stats.runs import Run
from pocketbert.bench.workers.child import Child, ChildFailed

SETS = 3
"""Sets of fresh processes per profile. The interval is 2.5 times the standard deviation between sets; with 4 sets it
would be 1.6 times, but importing PyTorch for every one of them is half of a weighing's time, and verdicts come from
pairs wherever the baseline's file can be had."""
WARM_UP = 5
Samples = NDArray[np.float64]
"""Times of one artifact in one set, ms, one per round."""


def time_in_turn(
    children: dict[str, Child],
    numbers: Sequence[int],
    done: Callable[[str], None] = lambda who: None,
    warm_up: int = WARM_UP,
) -> tuple[dict[str, list[Run]], dict[str, str]]:
    """Ask every child for the requests of these numbers, in turn: A B C, C B A, A B C, …

    A child that fails leaves the round; the others go on.

    Args:
        children: artifact -> its child, with the requests handed over.
        numbers: of the timed requests; the first of them are asked for once before, untimed.
        done: told after every request who answered.
        warm_up: how many of them.

    Returns:
        The runs of those that went through, and the last words of those that did not.
    """
    runs: dict[str, list[Run]] = {who: [] for who in children}
    failed: dict[str, str] = {}
    for turn, number in enumerate([*numbers[:warm_up], *numbers]):
        for who in list(runs) if turn % 2 == 0 else list(reversed(runs)):
            try:
                run = children[who].run(number)
            except ChildFailed as failure:
                failed[who] = str(failure)
                del runs[who]
                continue
            done(who)
            if turn >= len(numbers[:warm_up]):
                runs[who].append(run)
    return runs, failed


def summarize(
    profile: str, length: str, samples: list[Samples], reference: list[Samples], neighbours: float
) -> Latency:
    """P50 and P90 of all sets together, and the ratio to the reference's samples of the same rounds and sets."""
    together = np.concatenate(samples)
    return Latency(
        profile=profile,
        length=length,
        runs=len(together),
        p50_ms=quantile(together, 0.5),
        p90_ms=quantile(together, 0.9),
        ratio=ratio_over_sets(samples, reference),
        samples_ms=[round(float(ms), 4) for ms in together],
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
