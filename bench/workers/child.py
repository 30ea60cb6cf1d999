"""The parent's side of a worker process: start it, send commands, verify threads and cores, end it."""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Self, cast

import numpy as np
import psutil
from numpy.typing import NDArray

import pocketbert
import pocketbert.bench
import pocketbert.compress
from pocketbert.bench.stats.runs import Run
from pocketbert.bench.workers.file import File
from pocketbert.bench.workers.inside import Operator
from pocketbert.bench.workers.packed import pack
from pocketbert.compress.base.folders.leftovers import temporary_folder
from pocketbert.compress.tasks.inputs import Inputs

PATIENCE_S = 180.0
"""Longest wait for a reply: loading a BERT takes seconds, a request or a batch far less."""
_FOLDERS = {
    package.__name__: str(Path(cast("str", package.__file__)).parent)
    for package in (pocketbert, pocketbert.bench, pocketbert.compress)
}
_START = f"""
import importlib.util, sys
FOLDERS = {_FOLDERS!r}
class Ours:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in FOLDERS:
            folder = FOLDERS[name]
            return importlib.util.spec_from_file_location(
                name, folder + "/__init__.py", submodule_search_locations=[folder]
            )
sys.meta_path.insert(0, Ours)
from pocketbert.bench.workers.worker import main
main()
"""
"""The child's program. Another interpreter imports its own packages, but our pocketbert even if it has one, too.
With ``-P`` nothing is imported from the current folder.
"""
_LAST_WORDS = 300
_MAPPED_FROM = 128 * 1024  # bytes; glibc's initial threshold
_VERIFY_RUNS = 3


class ChildFailed(Exception):
    """The artifact in this child cannot be measured. The message goes into the report."""


class RequestFailed(ChildFailed):
    """The runtime cannot answer a request, such as one that is longer than the model reads; the child lives on."""


class Resident(NamedTuple):
    """Memory of a child at one moment, MiB."""

    peak: float  # VmHWM: the largest resident set so far
    anonymous: float  # the peak without pages of mapped files
    mapped: float  # the artifact's own mapped files, resident or not


def resident(reply: dict[str, Any]) -> Resident:
    """Read the memory from a reply of the worker."""
    peak, files, mapped = (reply[name] / 1024 for name in ("peak_kib", "file_kib", "mapped_kib"))
    return Resident(peak, peak - files, mapped)


class Child:
    """One worker process with its threads and cores; `open` or `begin_load` opens the artifact.

    The context manager kills the process on exit. Create the child in the main thread: the kernel's parent-death
    signal belongs to the thread that forked.

    Args:
        threads: intra-op threads of the runtime.
        cores: the CPU cores that every thread is pinned to.
        patience_s: longest wait for a reply, seconds.
        python: another interpreter with the runtime installed; it imports our sources and none of our packages.
        steady_heap: make the heap's size independent of the order in which blocks are freed; for memory figures.
    """

    def __init__(
        self,
        threads: int,
        cores: list[int],
        patience_s: float = PATIENCE_S,
        python: str = sys.executable,
        *,
        steady_heap: bool = False,
    ) -> None:
        self.threads = threads
        self.cores = cores
        self._patience_s = patience_s
        self._buffer = b""
        self._pool_before = 0
        self._runtime = ""
        with ExitStack() as stack:
            with _disk(Path(tempfile.gettempdir())):
                self.folder = stack.enter_context(temporary_folder())
            with _disk(self.folder), (self.folder / "stderr").open("wb") as stderr:
                self._process = subprocess.Popen(
                    [python, "-P", "-c", _START, str(os.getpid()), ",".join(map(str, cores))],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    env=_environment(threads, python, self.folder) | (_steady_heap() if steady_heap else {}),
                    # Only the parent handles Ctrl-C; it kills its children when it exits.
                    start_new_session=True,
                )
            self._commands = cast("IO[bytes]", self._process.stdin)
            self._replies = cast("IO[bytes]", self._process.stdout)
            stack.callback(self._end)
            self._left = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def close(self) -> None:
        """Kill the process and remove its files."""
        self._left.close()

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._replies.close()
        with suppress(BrokenPipeError):  # nobody reads what was not flushed
            self._commands.close()

    def begin(self, do: str, **values: Any) -> None:
        """Send a command without waiting, so that several children start at the same time; `finish` reads the reply.

        Raises:
            ChildFailed: the process is dead.
        """
        try:
            self._commands.write(json.dumps({"do": do, **values}, default=str).encode() + b"\n")
            self._commands.flush()
        except OSError as error:
            raise ChildFailed(self._death()) from error

    def finish(self, refused: type[ChildFailed] = ChildFailed) -> dict[str, Any]:
        """Wait for the reply to the command that `begin` sent.

        Args:
            refused: raised if the command failed.

        Raises:
            ChildFailed: the command failed, the process died, or no reply came in time.
        """
        descriptor = self._replies.fileno()
        while b"\n" not in self._buffer:
            if not select.select([descriptor], [], [], self._patience_s)[0]:
                self._process.kill()  # it may use the cores that other children are timed on
                raise ChildFailed(f"no reply in {self._patience_s:g} s{self._last_words()}")
            piece = os.read(descriptor, 65536)
            if not piece:
                raise ChildFailed(self._death())
            self._buffer += piece
        line, self._buffer = self._buffer.split(b"\n", 1)
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise refused(reply["error"])
        return reply

    def ask(self, do: str, **values: Any) -> dict[str, Any]:
        """Send a command and return its reply."""
        self.begin(do, **values)
        return self.finish()

    def imports(self, runtime: str) -> Resident:
        """Import the runtime and return the memory after the import."""
        return resident(self.ask("imports", runtime=runtime))

    def begin_load(self, file: File) -> None:
        """Begin to open the artifact, whose runtime is imported already; `finish` when it is open."""
        self._runtime = file.runtime
        self._before = {thread.id for thread in psutil.Process(self.pid).threads()}
        self.begin("load", file=file, threads=self.threads)

    def open(self, file: File) -> None:
        """Import the runtime and load the artifact, where nothing in between is measured."""
        self.imports(file.runtime)
        self.begin_load(file)
        self.finish()

    def requests(self, sequences: list[list[int]]) -> None:
        """Send the single requests, token ids, that `run` refers to by index."""
        path = self.folder / "requests.npz"
        tokens = np.array([token for sequence in sequences for token in sequence], dtype=np.int64)
        with _disk(path):
            np.savez(path, tokens=tokens, lengths=np.array([len(sequence) for sequence in sequences]))
        self.ask("requests", path=str(path))

    def run(self, index: int) -> Run:
        """Run inference on request `index`, modulo the number of requests.

        Raises:
            RequestFailed: the runtime refused the request.
            ChildFailed: the process died, or no reply came in time.
        """
        self.begin("run", index=index)
        return Run(**self.finish(RequestFailed))

    def open_scorer(self, file: File) -> None:
        """Import the runtime and open the artifact to score texts on all cores of this child."""
        self.imports(file.runtime)
        self.ask("open_scorer", file=file)

    def score(self, inputs: Inputs) -> NDArray[np.float32]:
        """Return the logits in the order of the inputs, (predictions, labels); some may not be finite."""
        texts, outputs = self.folder / "texts.npz", self.folder / "logits.npy"
        with _disk(texts):
            np.savez(texts, allow_pickle=False, **pack(inputs))
        self.ask("score", texts=str(texts), out=str(outputs))
        found: NDArray[np.float32] = np.load(outputs, allow_pickle=False)
        return found

    def profile(self, file: File) -> list[Operator] | None:
        """Return the operators that run for the requests; None: the runtime has no profiler.

        The worker opens the artifact once more and profiling adds overhead, so use a child that is not timed.
        """
        reply = self.ask("profile", file=file, threads=self.threads)
        found = reply["operators"]
        return None if found is None else [Operator(*fields) for fields in found]

    def memory(self) -> Resident:
        """Return the memory so far."""
        return resident(self.ask("state"))

    def verify(self) -> None:
        """Check, after some requests, that the requested threads and cores are in force.

        Raises:
            ChildFailed: the process runs on other cores or with another number of threads.
        """
        process = psutil.Process(self.pid)
        tasks = [thread.id for thread in process.threads()]
        for task in tasks:
            if (found := psutil.Process(task).cpu_affinity()) != self.cores:
                raise ChildFailed(f"pinned to cores {found}, asked for {self.cores}")
        reported = self.ask("state")["threads"]
        # A runtime without a report of its own: the threads that it started, and the thread that loaded it. Threads of
        # an import may end meanwhile, so numbers of threads are not compared.
        in_force = len(set(tasks) - self._before) + 1 if reported is None else reported
        if in_force != self.threads:
            raise ChildFailed(f"{self._runtime} runs on {in_force} threads, asked for {self.threads}")
        if (busy := self._busy_threads(process)) > self.threads:
            raise ChildFailed(f"{busy} threads of {self._runtime} were busy, asked for {self.threads}")

    def _busy_threads(self, process: psutil.Process) -> int:
        """Count the threads that were busy for at least a quarter of the time of a few requests."""
        before = {thread.id: thread.user_time + thread.system_time for thread in process.threads()}
        begin = time.monotonic()
        for _ in range(_VERIFY_RUNS):
            self.run(0)
        enough = (time.monotonic() - begin) / 4
        after = {thread.id: thread.user_time + thread.system_time for thread in process.threads()}
        # A thread's CPU clock has a resolution of 10 ms; less than two ticks are not significant.
        return sum(after[task] - before.get(task, 0.0) > max(enough, 0.02) for task in after)

    def _death(self) -> str:
        code = self._process.wait(timeout=self._patience_s)
        how = f"killed by signal {-code}" if code < 0 else f"exited with {code}"
        return f"the child was {how}{self._last_words()}"

    def _last_words(self) -> str:
        words = (self.folder / "stderr").read_text(errors="replace").strip()[-_LAST_WORDS:]
        return f"; its last words: {' '.join(words.split())}" if words else ""


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ChildFailed(f"{path}: {error.strerror}") from error


def _environment(threads: int, python: str, folder: Path) -> dict[str, str]:
    path = [entry for entry in sys.path if entry] if python == sys.executable else []
    return {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": "1",
        # The threads of a waiting artifact must not use the cores of the artifact that is timed.
        "OMP_WAIT_POLICY": "PASSIVE",
        "KMP_BLOCKTIME": "0",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        # What a killed child leaves goes with its folder.
        "TMPDIR": str(folder),
        # The child finds its packages where the parent found them, from any folder.
        "PYTHONPATH": os.pathsep.join(path),
    }


def _steady_heap() -> dict[str, str]:
    """Return the environment in which glibc maps every large block, and so returns it to the system when it is freed.

    By default glibc raises the mapping threshold whenever it frees a mapped block (mallopt(3), M_MMAP_THRESHOLD), so
    the memory left after a load depends on which thread frees first. Other C libraries ignore the setting.
    """
    given = os.environ.get("GLIBC_TUNABLES")
    tunables = ([given] if given else []) + [f"glibc.malloc.mmap_threshold={_MAPPED_FROM}"]
    return {"GLIBC_TUNABLES": ":".join(tunables)}
