"""Memory: the peak resident set of a child that holds one artifact, read in a pass of its own.

How many pages of a mapped library are resident depends on how its file lies in the page cache: freshly installed,
PyTorch's take 60 MiB more than the same files read back from disk. So the artifact's own share leaves them out: it is
what anonymous memory grew by since the imports, and the artifact's own mapped files in full.
"""

import threading
import time

import psutil
from memory_profiler import memory_usage

from pocketbert.bench.measuring.subject import Subject
from pocketbert.bench.records.results import Memory
from pocketbert.bench.workers.child import Child, resident

PASS_REQUESTS = 10
_INTERVAL_S = 0.05


class Sampler:
    """memory-profiler's time series of another process, sampled in a thread until the `with` block ends."""

    def __init__(self, pid: int) -> None:
        self.series: list[tuple[float, float]] = []
        self._pid = pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "Sampler":
        self._begin = time.time()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.is_set():
            try:
                [(mib, stamp)] = memory_usage(self._pid, interval=_INTERVAL_S, timestamps=True)
            except psutil.Error:
                return
            self.series.append((round(stamp - self._begin, 3), round(mib, 2)))


def measure_memory(child: Child, subject: Subject, requests: list[list[int]]) -> tuple[Memory, float]:
    """Import, load and answer a few requests in a fresh child; one without a steady heap reads 6 MiB more by chance.

    Returns:
        The memory, and the last request's time in ms (a first idea of the artifact's speed).
    """
    with Sampler(child.pid) as sampler:
        imports = child.imports(subject.artifact.runtime)
        child.begin_load(subject.artifact.runtime, subject.path, subject.artifact.inputs)
        load = resident(child.finish())
        child.requests(requests)
        times = [child.run(index).ms for index in range(PASS_REQUESTS)]
        end = child.memory()
    own = max(load.anonymous, end.anonymous) - imports.anonymous + end.mapped
    memory = Memory(imports_mib=imports.peak, load_mib=load.peak, peak_mib=end.peak, own_mib=own, series=sampler.series)
    return memory, times[-1]
