"""Memory: the peak resident set of a child that holds one artifact, read in a pass of its own.

How many pages of a mapped library are resident depends on how its file lies in the page cache: freshly installed,
PyTorch's take 60 MiB more than the same files read back from disk. The model memory therefore leaves libraries out: it
is the growth of anonymous memory since the imports, plus the artifact's own mapped files in full.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from memory_profiler import memory_usage

from pocketbert.bench.measuring.progress import START_S
from pocketbert.bench.measuring.setup import Setup
from pocketbert.bench.measuring.subject import Subject
from pocketbert.bench.records.results import Memory
from pocketbert.bench.workers.child import Child, resident

PASS_REQUESTS = 10
TOKENS = 128
"""Length of the requests of this pass; the task's maximum where that is shorter."""
_INTERVAL_S = 0.05


def expect(setup: Setup) -> None:
    """Add this pass to the progress bar."""
    for subject in setup.run_here:
        setup.bar.expect("memory", subject.key, fixed_s=START_S)


def measure(setup: Setup) -> None:
    """Set the memory of every artifact, each in a fresh child with every usable core and a steady heap."""
    tokens = min(TOKENS, setup.manifest.task.max_length)
    for subject in setup.run_here:
        setup.bar.now(f"{subject.artifact.id}: memory")
        with subject.recording("memory"), Child(len(setup.cores), setup.cores, steady_heap=True) as child:
            subject.memory, ms = measure_memory(child, subject, subject.requests(str(tokens)))
            setup.bar.learn(subject.key, ms / tokens)
        setup.bar.advance("memory", subject.key, 1)


def measure_memory(child: Child, subject: Subject, requests: list[list[int]]) -> tuple[Memory, float]:
    """Import, load and run a few requests in a fresh child; without a steady heap it may read 6 MiB more by chance.

    Returns:
        The memory, and the last request's time in ms (a first estimate of the artifact's speed).
    """
    with _sampled(child.pid) as series:
        imports = child.imports(subject.artifact.runtime)
        child.begin_load(subject.file)
        load = resident(child.finish())
        child.requests(requests)
        times = [child.run(index).ms for index in range(PASS_REQUESTS)]
        end = child.memory()
    own = max(load.anonymous, end.anonymous) - imports.anonymous + end.mapped
    memory = Memory(imports_mib=imports.peak, load_mib=load.peak, peak_mib=end.peak, own_mib=own, series=series)
    return memory, times[-1]


@contextmanager
def _sampled(pid: int) -> Iterator[list[tuple[float, float]]]:
    """Yield memory-profiler's time series (s, MiB) of another process, sampled in a thread until the block ends."""
    series: list[tuple[float, float]] = []
    stop, begin = threading.Event(), time.time()

    def sample() -> None:
        while not stop.is_set():
            try:
                [(mib, stamp)] = memory_usage(pid, interval=_INTERVAL_S, timestamps=True)
            except psutil.Error:
                return
            series.append((round(stamp - begin, 3), round(mib, 2)))

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield series
    finally:
        stop.set()
        thread.join()
