"""The child process that holds one artifact and obeys the commands of its parent.

One JSON object per line comes in on standard input, one goes out for each on standard output. Arrays travel as files
without pickle. Nothing is imported before its command asks for it, so that what a runtime costs can be told from what
an artifact costs, and a child that times ONNX Runtime never carries PyTorch.
"""

import ctypes
import gc
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with(parent: int) -> None:
    """Have the kernel kill this process when the parent's is gone; elsewhere than on Linux the closed pipe ends it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the parent is gone")


def take_stdio() -> tuple[TextIOWrapper, TextIOWrapper]:
    """Standard input and output for the protocol alone: whatever a library prints goes to standard error."""
    commands = os.fdopen(os.dup(0), "r", encoding="utf-8")
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return commands, replies


def pin(cores: list[int]) -> None:
    """Keep every thread there is, and whatever they start, to these cores.

    Done after the imports and before a runtime opens anything: importing PyTorch on one core takes twice as long as
    on two, and what it leaves behind does not depend on where it ran. The parent looks at every thread afterwards.
    """
    if hasattr(os, "sched_setaffinity"):
        for thread in Path("/proc/self/task").iterdir():
            with suppress(ProcessLookupError):  # it ended meanwhile
                os.sched_setaffinity(int(thread.name), cores)


def memory(artifact: Path | None = None) -> dict[str, Any]:
    """``peak_kib``, the largest resident set so far; ``file_kib``, pages of mapped files in it now; ``mapped_kib``.

    The peak is `VmHWM`, because on Linux `ru_maxrss` of a child starts at its parent's peak (getrusage(2), kept over
    execve). ``mapped_kib`` is how much of the artifact's own files is mapped, resident or not.
    """
    status = Path("/proc/self/status")
    if not status.is_file():
        return {"peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "file_kib": 0, "mapped_kib": 0}
    lines = (line.split() for line in status.read_text().splitlines() if line.startswith(("VmHWM:", "Rss")))
    kib = {name: int(value) for name, value, *_ in lines}
    return {
        "peak_kib": kib["VmHWM:"],
        "file_kib": kib.get("RssFile:", 0) + kib.get("RssShmem:", 0),
        "mapped_kib": _mapped_kib(artifact.resolve()) if artifact else 0,
    }


def _mapped_kib(artifact: Path) -> int:
    total = 0
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, *_, name = line.split(maxsplit=5)
        if name.startswith("/") and Path(name).is_relative_to(artifact):
            first, _, last = span.partition("-")
            total += int(last, 16) - int(first, 16)
    return total // 1024


class Worker:
    """What is loaded, and one method per command; each takes the command's values and returns the reply's."""

    def __init__(self, cores: list[int]) -> None:
        self._cores = cores
        self._session: Any = None
        self._artifact: Path | None = None
        self._threads: Callable[[], int] | None = None
        self._requests: list[dict[str, Any]] = []

    def imports(self, runtime: str) -> dict[str, Any]:
        """Import the runtime and nothing else."""
        import_module(f"pocketbert.compress.runtimes.{runtime}")
        return memory()

    def load(self, runtime: str, path: str, threads: int, inputs: dict[str, str] | None) -> dict[str, Any]:
        """Open the artifact with that many threads, on this worker's cores and no others."""
        from pocketbert.compress.runtimes import open_session

        pin(self._cores)
        self._artifact = Path(path)
        self._session = open_session(runtime, self._artifact, threads, inputs)
        self._threads = getattr(import_module(f"pocketbert.compress.runtimes.{runtime}"), "threads", None)
        return memory(self._artifact)

    def requests(self, path: str) -> dict[str, Any]:
        """Take the single requests that `run` will be asked for: ``tokens`` end to end and the ``lengths`` of each."""
        import numpy as np

        with np.load(path, allow_pickle=False) as file:
            ends = np.cumsum(file["lengths"])
            rows = np.split(file["tokens"], ends[:-1])
        self._requests = [{"input_ids": row[None, :], "attention_mask": np.ones_like(row)[None, :]} for row in rows]
        # A collection in the middle of a request would be timed with it.
        gc.collect()
        gc.freeze()
        gc.disable()
        return {}

    def run(self, index: int) -> dict[str, Any]:
        """Answer one request, batch 1, and say how long it took and what became of the core meanwhile."""
        batch = self._requests[index % len(self._requests)]
        before = resource.getrusage(resource.RUSAGE_SELF)
        cpu = time.process_time_ns()
        begin = time.perf_counter_ns()
        self._session.logits(batch)
        end = time.perf_counter_ns()
        cpu = time.process_time_ns() - cpu
        after = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "ms": (end - begin) / 1e6,
            "cpu_ms": cpu / 1e6,
            "forced": after.ru_nivcsw - before.ru_nivcsw,
            "given": after.ru_nvcsw - before.ru_nvcsw,
        }

    def logits(self, batch: str, out: str) -> dict[str, Any]:
        """Logits of the padded batch in one file, into another."""
        import numpy as np

        with np.load(batch, allow_pickle=False) as file:
            inputs = {name: file[name] for name in file.files}
        np.save(out, self._session.logits(inputs), allow_pickle=False)
        return {}

    def profile(self, runtime: str, path: str, threads: int, inputs: dict[str, str] | None) -> dict[str, Any]:
        """The operators that the requests run through in a session of their own; None where there is no profiler."""
        from pocketbert.bench.workers.inside import profile

        pin(self._cores)
        found = profile(runtime, Path(path), threads, self._requests, inputs)
        return {"operators": found}

    def state(self) -> dict[str, Any]:
        """Peak memory, and the threads that the runtime says are in force (None where it has no such report)."""
        return {**memory(self._artifact), "threads": self._threads() if self._threads else None}


def serve(worker: Worker, commands: TextIOWrapper, replies: TextIOWrapper) -> None:
    """Answer until told to quit or the pipe closes; a command that fails is answered with its error."""
    for line in commands:
        command = json.loads(line)
        if (name := command.pop("do")) == "quit":
            return
        method: Callable[..., dict[str, Any]] = getattr(worker, name)
        try:
            reply = method(**command)
        except Exception as error:  # whatever a runtime raises is this artifact's failure, and the parent's to judge
            reply = {"error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")


def main() -> None:
    parent, cores = int(sys.argv[1]), [int(core) for core in sys.argv[2].split(",")]
    die_with(parent)
    commands, replies = take_stdio()
    serve(Worker(cores), commands, replies)


if __name__ == "__main__":
    main()
