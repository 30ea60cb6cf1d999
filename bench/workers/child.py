"""The parent's handle on a worker: start it, tell it what to do, check what is in force, see it dead."""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
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
from pocketbert.bench.workers.inside import Operator
from pocketbert.compress.tasks.inputs import Batch

PATIENCE_S = 180.0
"""A command that takes longer is a hang: loading a BERT takes seconds, one request or batch far less."""
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
"""Another interpreter finds all packages but ours among its own, even where another pocketbert is installed in it.
With ``-P`` nothing is imported from the folder in which it is started.
"""
_LAST_WORDS = 300
_MAPPED_FROM = 128 * 1024  # bytes; where glibc's threshold starts
_VERIFY_RUNS = 3


class ChildFailed(Exception):
    """The artifact in this child cannot be measured; the message is for the report."""


class Resident(NamedTuple):
    """Memory of a child at one moment, MiB."""

    peak: float  # VmHWM: the largest resident set so far
    anonymous: float  # of it, what is not pages of mapped files
    mapped: float  # of the artifact's own files, resident or not


def resident(reply: dict[str, Any]) -> Resident:
    """The memory that a reply of the worker carries."""
    peak, files, mapped = (reply[name] / 1024 for name in ("peak_kib", "file_kib", "mapped_kib"))
    return Resident(peak, peak - files, mapped)


class Child:
    """One worker process with its threads and cores; the artifact is opened by `load`.

    As a context manager it is killed on the way out, whatever happened. It must be started from the main thread: the
    kernel's parent-death signal is tied to the thread that forked.

    Args:
        python: another interpreter, with the runtime installed; it gets our sources and none of our packages.
        steady_heap: let the heap not depend on the order in which blocks were freed, for a child whose memory counts.
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
        with _disk(Path(tempfile.gettempdir())):
            self._folder = tempfile.TemporaryDirectory(prefix="pocketbert-")
        self.folder = Path(self._folder.name)
        with _disk(self.folder), (self.folder / "stderr").open("wb") as stderr:
            process = subprocess.Popen(
                [python, "-P", "-c", _START, str(os.getpid()), ",".join(map(str, cores))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=_environment(threads, python) | (_steady_heap() if steady_heap else {}),
                # Ctrl-C is the parent's to handle; it kills the children on its way out.
                start_new_session=True,
            )

        self._process = process
        self._commands = cast("IO[bytes]", process.stdin)
        self._replies = cast("IO[bytes]", process.stdout)

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
        self._process.kill()
        self._process.wait()
        self._replies.close()
        with suppress(BrokenPipeError):  # what was not flushed has nobody to go to
            self._commands.close()
        self._folder.cleanup()

    def begin(self, do: str, **values: Any) -> None:
        """Send a command without waiting, so that several children can start up at once; `finish` takes the reply.

        Raises:
            ChildFailed: the process is dead.
        """
        try:
            self._commands.write(json.dumps({"do": do, **values}).encode() + b"\n")
            self._commands.flush()
        except OSError as error:
            raise ChildFailed(self._death()) from error

    def finish(self) -> dict[str, Any]:
        """The reply to the command that was begun.

        Raises:
            ChildFailed: the command failed, or the process died or did not answer in time.
        """
        descriptor = self._replies.fileno()
        while b"\n" not in self._buffer:
            if not select.select([descriptor], [], [], self._patience_s)[0]:
                self._process.kill()  # it may burn the cores that the others are timed on
                raise ChildFailed(f"no answer in {self._patience_s:g} s{self._last_words()}")
            piece = os.read(descriptor, 65536)
            if not piece:
                raise ChildFailed(self._death())
            self._buffer += piece
        line, self._buffer = self._buffer.split(b"\n", 1)
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise ChildFailed(reply["error"])
        return reply

    def ask(self, do: str, **values: Any) -> dict[str, Any]:
        """One command and its reply."""
        self.begin(do, **values)
        return self.finish()

    def imports(self, runtime: str) -> Resident:
        """Import the runtime; memory after it."""
        return resident(self.ask("imports", runtime=runtime))

    def begin_load(self, runtime: str, path: Path, inputs: Mapping[str, str] | None = None) -> None:
        """Begin to open the artifact, its runtime being imported; `finish` when it is open.

        Args:
            inputs: as `pocketbert.compress.runtimes.open_session`'s.
        """
        self._runtime = runtime
        self._pool_before = psutil.Process(self.pid).num_threads()
        self.begin("load", runtime=runtime, path=str(path), threads=self.threads, inputs=inputs)

    def open(self, runtime: str, path: Path, inputs: Mapping[str, str] | None = None) -> None:
        """Import the runtime and load the artifact, where nothing in between matters; `inputs` as `begin_load`'s."""
        self.imports(runtime)
        self.begin_load(runtime, path, inputs)
        self.finish()

    def requests(self, sequences: list[list[int]]) -> None:
        """Hand over the single requests that `run` will name by number."""
        path = self.folder / "requests.npz"
        tokens = np.array([token for sequence in sequences for token in sequence], dtype=np.int64)
        with _disk(path):
            np.savez(path, tokens=tokens, lengths=np.array([len(sequence) for sequence in sequences]))
        self.ask("requests", path=str(path))

    def run(self, index: int) -> Run:
        """Answer request number `index` (they go round)."""
        return Run(**self.ask("run", index=index))

    def logits(self, batch: Batch) -> NDArray[np.float32]:
        """Logits of a padded batch, (rows, labels)."""
        inputs, outputs = self.folder / "batch.npz", self.folder / "logits.npy"
        with _disk(inputs):
            np.savez(inputs, allow_pickle=False, **batch)
        self.ask("logits", batch=str(inputs), out=str(outputs))
        found: NDArray[np.float32] = np.load(outputs, allow_pickle=False)
        return found

    def profile(self, runtime: str, path: Path, inputs: Mapping[str, str] | None = None) -> list[Operator] | None:
        """The operators that the requests handed over run through; None where the runtime has no profiler.

        It opens the artifact anew and is timed by the runtime, so it is nothing for a child whose figures count.
        """
        reply = self.ask("profile", runtime=runtime, path=str(path), threads=self.threads, inputs=inputs)
        found = reply["operators"]
        return None if found is None else [Operator(*fields) for fields in found]

    def memory(self) -> Resident:
        """Memory so far."""
        return resident(self.ask("state"))

    def verify(self) -> None:
        """Check, after some requests, that the threads and cores asked for are in force.

        Raises:
            ChildFailed: they are not.
        """
        process = psutil.Process(self.pid)
        tasks = [thread.id for thread in process.threads()]
        for task in tasks:
            if (found := psutil.Process(task).cpu_affinity()) != self.cores:
                raise ChildFailed(f"pinned to cores {found}, asked for {self.cores}")
        reported = self.ask("state")["threads"]
        # What has no report of its own is known by the pool it opened beside the thread that was there already.
        in_force = len(tasks) - self._pool_before + 1 if reported is None else reported
        if in_force != self.threads:
            raise ChildFailed(f"{self._runtime} runs on {in_force} threads, asked for {self.threads}")
        if (busy := self._busy_threads(process)) > self.threads:
            raise ChildFailed(f"{busy} threads of {self._runtime} were busy, asked for {self.threads}")

    def _busy_threads(self, process: psutil.Process) -> int:
        """How many threads worked for a quarter of the time that a few requests took, whatever the runtime says."""
        before = {thread.id: thread.user_time + thread.system_time for thread in process.threads()}
        begin = time.monotonic()
        for _ in range(_VERIFY_RUNS):
            self.run(0)
        enough = (time.monotonic() - begin) / 4
        after = {thread.id: thread.user_time + thread.system_time for thread in process.threads()}
        # The clock of a thread ticks in hundredths of a second; less than two ticks say nothing.
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


def _environment(threads: int, python: str) -> dict[str, str]:
    path = [entry for entry in sys.path if entry] if python == sys.executable else []
    return {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": "1",
        # The artifact that is not being timed must not burn the cores of the one that is.
        "OMP_WAIT_POLICY": "PASSIVE",
        "KMP_BLOCKTIME": "0",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        # The child may be started from any folder, the packages it needs are found as the parent found them.
        "PYTHONPATH": os.pathsep.join(path),
    }


def _steady_heap() -> dict[str, str]:
    """Large blocks are always mapped, and so given back when they are freed.

    Otherwise glibc raises the size from which it maps whenever it frees a mapped block (mallopt(3), M_MMAP_THRESHOLD),
    and what a load leaves behind depends on which of its threads frees first. Another libc ignores it.
    """
    theirs = os.environ.get("GLIBC_TUNABLES")
    tunables = ([theirs] if theirs else []) + [f"glibc.malloc.mmap_threshold={_MAPPED_FROM}"]
    return {"GLIBC_TUNABLES": ":".join(tunables)}
