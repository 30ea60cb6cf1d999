"""The child process that holds one artifact and executes its parent's commands.

Each line on standard input is a command, each line on standard output its reply, both JSON objects. Arrays travel as
files without pickle. A command imports what it needs when it runs: this separates the memory of a runtime from the
memory of an artifact, and a child that times ONNX Runtime never loads PyTorch.
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
    """Have Linux kill this process when its parent dies; on other systems the closed pipe ends it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the parent is gone")


def take_stdio() -> tuple[TextIOWrapper, TextIOWrapper]:
    """Reserve standard input and output for the protocol; whatever a library prints goes to standard error."""
    commands = os.fdopen(os.dup(0), "r", encoding="utf-8")
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return commands, replies


def pin(cores: list[int]) -> None:
    """Pin every thread, and the threads that they will start, to these cores.

    Call it after the imports and before a runtime opens a file: importing PyTorch on one core takes twice as long as
    on two. The parent verifies every thread afterwards.
    """
    if hasattr(os, "sched_setaffinity"):
        for thread in Path("/proc/self/task").iterdir():
            with suppress(ProcessLookupError):  # the thread has ended
                os.sched_setaffinity(int(thread.name), cores)


def memory(artifact: Path | None = None) -> dict[str, Any]:
    """Return ``peak_kib``, the largest resident set so far; ``file_kib``, pages of mapped files in it; ``mapped_kib``.

    The peak is `VmHWM`, because on Linux `ru_maxrss` of a child starts at its parent's peak (getrusage(2), kept over
    execve). ``mapped_kib``: how much of the artifact's own files is mapped, resident or not.
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
    total, path, folder = 0, str(artifact), str(artifact.parent)
    for line in Path("/proc/self/maps").read_text().splitlines():  # thousands, so no paths are made of them
        span, *_, name = line.split(maxsplit=5)
        beside = artifact.suffix == ".onnx" and name.rpartition("/")[0] == folder  # its weights may be there
        if name.startswith("/") and (beside or name == path or name.startswith(f"{path}/")):
            first, _, last = span.partition("-")
            total += int(last, 16) - int(first, 16)
    return total // 1024


class Worker:
    """The loaded artifact, with one method per command: a method takes the command's values and returns the reply."""

    def __init__(self, cores: list[int]) -> None:
        self._cores = cores
        self._session: Any = None
        self._score: Any = None
        self._artifact: Path | None = None
        self._threads: Callable[[], int] | None = None
        self._requests: list[dict[str, Any]] = []

    def imports(self, runtime: str) -> dict[str, Any]:
        """Import the runtime."""
        import_module(f"pocketbert.compress.runtimes.{runtime}")
        return memory()

    def load(self, file: list[Any], threads: int) -> dict[str, Any]:
        """Open the artifact with `threads` threads on this worker's cores."""
        from pocketbert.compress.runtimes import open_session

        pin(self._cores)
        runtime, path, inputs = file
        self._artifact = Path(path)
        self._session = open_session(runtime, self._artifact, threads, inputs)
        self._threads = getattr(import_module(f"pocketbert.compress.runtimes.{runtime}"), "threads", None)
        return memory(self._artifact)

    def requests(self, path: str) -> dict[str, Any]:
        """Read the single requests: ``tokens``, concatenated, and the ``lengths`` of the requests."""
        import numpy as np

        with np.load(path, allow_pickle=False) as file:
            ends = np.cumsum(file["lengths"])
            rows = np.split(file["tokens"], ends[:-1])
        self._requests = [{"input_ids": row[None, :], "attention_mask": np.ones_like(row)[None, :]} for row in rows]
        # A garbage collection during a request would be part of its time.
        gc.collect()
        gc.freeze()
        gc.disable()
        return {}

    def run(self, index: int) -> dict[str, Any]:
        """Run inference on one request, batch 1; return its wall and CPU time, ms, and its context switches."""
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
            "involuntary_switches": after.ru_nivcsw - before.ru_nivcsw,
            "voluntary_switches": after.ru_nvcsw - before.ru_nvcsw,
        }

    def open_scorer(self, file: list[Any]) -> dict[str, Any]:
        """Open the artifact to score texts on all of this worker's cores."""
        from pocketbert.compress.runtimes.scoring import open_scorer

        pin(self._cores)
        runtime, path, inputs = file
        self._score = open_scorer(runtime, Path(path), len(self._cores), inputs)
        return {}

    def score(self, texts: str, out: str) -> dict[str, Any]:
        """Run inference on the texts in the file `texts` and write the logits to `out`, finite or not."""
        import numpy as np

        from pocketbert.bench.workers.packed import unpack
        from pocketbert.compress.tasks.inputs import NotFinite

        with np.load(texts, allow_pickle=False) as file:
            inputs = unpack(file)
        try:
            logits = self._score(inputs)
        except NotFinite as found:  # the parent counts them among all texts
            logits = found.logits
        np.save(out, logits, allow_pickle=False)
        return {}

    def profile(self, file: list[Any], threads: int) -> dict[str, Any]:
        """Return the operators that run for the requests, in a session of its own; None: no profiler."""
        from pocketbert.bench.workers.file import File
        from pocketbert.bench.workers.inside import profile

        pin(self._cores)
        runtime, path, inputs = file
        return {"operators": profile(File(runtime, Path(path), inputs), threads, self._requests)}

    def state(self) -> dict[str, Any]:
        """Return the memory and the number of threads that the runtime reports; None: it reports none."""
        return {**memory(self._artifact), "threads": self._threads() if self._threads else None}


def serve(worker: Worker, commands: TextIOWrapper, replies: TextIOWrapper) -> None:
    """Reply to each command until the pipe closes; the reply to a command that fails is its error."""
    for line in commands:
        command = json.loads(line)
        method: Callable[..., dict[str, Any]] = getattr(worker, command.pop("do"))
        try:
            reply = method(**command)
        except Exception as error:  # whatever a runtime raises is a failure of this artifact, which the parent handles
            from pocketbert.compress.base.errors import BadInput

            kind = "" if isinstance(error, BadInput) else f"{type(error).__name__}: "
            reply = {"error": f"{kind}{error}"}
        replies.write(json.dumps(reply) + "\n")


def main() -> None:
    """Serve the process that is named on the command line, on the cores that follow."""
    parent, cores = int(sys.argv[1]), [int(core) for core in sys.argv[2].split(",")]
    die_with(parent)
    commands, replies = take_stdio()
    serve(Worker(cores), commands, replies)
