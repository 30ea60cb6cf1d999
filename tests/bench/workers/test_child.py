"""The child process: what it must survive, and what must be noticed."""

import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from pocketbert.bench.machine.cores import usable_cores
from pocketbert.bench.measuring.turns import time_in_turn
from pocketbert.bench.workers.child import Child, ChildFailed, resident
from pocketbert.bench.workers.file import File
from pocketbert.compress.tasks.inputs import Inputs
from tests.support import REPO
from tests.support.manifests import is_worker, write_onnx

FAKE = """
import os, sys, threading, time
import numpy as np
enough = threading.Event()
waiting = threading.Thread(target=enough.wait, daemon=True)
waiting.start()
print("a library greets")
os.write(1, b"and so does its C part\\n")

class Session:
    def __init__(self, path):
        self.kind, self.runs = path.name, 0
    def logits(self, batch):
        self.runs += 1
        print("chatter")
        if self.kind == "crash" and self.runs > 3:
            print("the last words", file=sys.stderr, flush=True)
            os._exit(7)
        if self.kind == "hang":
            time.sleep(60)
        return np.asarray(batch["input_ids"][:, :2], dtype=np.float32)

def open_session(path, threads):
    if path.name == "threads":
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    if path.name == "ends":
        enough.set()
        waiting.join()
    if path.name.startswith("maps"):
        global kept
        import mmap
        file = path if path.name == "maps-itself" else path.with_name("library")
        kept = mmap.mmap(os.open(file, os.O_RDONLY), 0, prot=mmap.PROT_READ)
        if path.name == "maps-another":
            sum(kept[at] for at in range(0, len(kept), 4096))
    if path.name == "frees":
        fill = lambda mib: b"x" * int(mib * 2**20)
        first = fill(24)
        del first  # from now on glibc takes what is smaller from the heap
        second, above = fill(20), fill(2)
        del second  # a hole below `above`, which the third does not fit into
        third = fill(22)
    if path.name == "reports":
        globals()["threads"] = lambda: 3
    if path.name == "strays":
        os.sched_setaffinity(0, range(os.cpu_count()))
    return Session(path)
"""
CORE = usable_cores()[:1]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runtime `fake` whose artifact's name says how it misbehaves; only the child knows it."""
    (tmp_path / "fake.py").write_text(FAKE)
    (tmp_path / "sitecustomize.py").write_text(
        f"import pocketbert.compress.runtimes as r\nr.__path__.append({str(tmp_path)!r})\nr.RUNTIMES['fake'] = 'json'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)


def opened(kind: str, patience_s: float = 30) -> Child:
    child = Child(1, CORE, patience_s)
    child.imports("fake")
    child.begin_load(File("fake", Path(kind)))
    child.finish()
    child.requests([[5, 6, 7]])
    return child


@pytest.mark.usefixtures("fake")
def test_what_libraries_print_does_not_break_the_protocol() -> None:
    with opened("fine") as child:
        assert child.run(0).ms > 0
        child.open_scorer(File("fake", Path("fine")))
        assert child.score(Inputs([[3, 4, 5], [6, 7]], 0)).tolist() == [[3.0, 4.0], [6.0, 7.0]]


@pytest.mark.usefixtures("fake")
def test_a_child_that_crashes_leaves_its_last_words_and_the_others_alone() -> None:
    with opened("crash") as crash, opened("fine") as fine:
        times, failed = time_in_turn({"crash": crash, "fine": fine}, range(20))
    assert list(times) == ["fine"]
    assert len(times["fine"]) == 20
    assert "exited with 7; its last words:" in str(failed["crash"])
    assert "the last words" in str(failed["crash"])


@pytest.mark.usefixtures("fake")
def test_a_child_that_hangs_is_given_up() -> None:
    with opened("hang", patience_s=1) as child:
        begin = time.monotonic()
        with pytest.raises(ChildFailed, match="no reply in 1 s"):
            child.run(0)
        assert time.monotonic() - begin < 10
        pid = child.pid
    assert not psutil.pid_exists(pid)


@pytest.mark.usefixtures("fake")
def test_a_child_that_is_killed_says_so() -> None:
    with opened("fine") as child:
        os.kill(child.pid, signal.SIGKILL)
        with pytest.raises(ChildFailed, match="killed by signal 9"):
            child.run(0)


@pytest.mark.usefixtures("fake")
def test_more_threads_than_asked_for_are_a_failure() -> None:
    with opened("fine") as child:
        child.verify()
    with opened("threads") as child, pytest.raises(ChildFailed, match="runs on 2 threads, asked for 1"):
        child.verify()
    with opened("reports") as child, pytest.raises(ChildFailed, match="runs on 3 threads, asked for 1"):
        child.verify()


@pytest.mark.usefixtures("fake")
def test_a_thread_of_an_import_that_ends_is_none_of_the_runtime() -> None:
    with opened("ends") as child:
        child.verify()


@pytest.mark.usefixtures("fake")
@pytest.mark.skipif(len(usable_cores()) < 2, reason="needs a second core to stray to")
def test_a_child_that_leaves_its_cores_is_a_failure() -> None:
    with opened("strays") as child, pytest.raises(ChildFailed, match="pinned to cores"):
        child.verify()


def test_a_command_that_fails_is_the_artifacts_failure(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no graph")
    with Child(1, CORE) as child:
        child.imports("onnxruntime")
        child.begin_load(File("onnxruntime", tmp_path / "broken.onnx"))
        with pytest.raises(ChildFailed, match="InvalidProtobuf"):
            child.finish()


def test_a_child_that_runs_onnx_carries_no_pytorch(tmp_path: Path) -> None:
    write_onnx(tmp_path / "tiny.onnx")
    with Child(1, CORE) as child:
        child.imports("onnxruntime")
        child.begin_load(File("onnxruntime", tmp_path / "tiny.onnx"))
        child.finish()
        child.requests([[1, 2, 3]])
        child.run(0)
        child.verify()
        mapped = {Path(m.path).name for m in psutil.Process(child.pid).memory_maps()}
    assert any("onnxruntime" in name for name in mapped)
    assert not any("torch" in name for name in mapped)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_children_die_with_a_parent_that_is_killed() -> None:
    script = (
        "import time\n"
        "from pocketbert.bench.workers.child import Child\n"
        "child = Child(1, [%d])\n"
        "child.imports('onnxruntime')\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script % CORE[0]],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(REPO)},
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert psutil.pid_exists(child)
    parent.kill()
    parent.communicate()
    for _ in range(100):
        if not psutil.pid_exists(child):
            return
        time.sleep(0.1)
    pytest.fail("the child outlived its parent")


def test_peak_memory_is_the_childs_own_and_not_its_parents() -> None:
    ballast = np.ones(2**25)  # 256 MiB
    with Child(1, CORE) as child:
        assert 5 < child.memory().peak < 100
    assert ballast.nbytes == 2**28


@pytest.fixture(autouse=True)
def no_child_is_left() -> Iterator[None]:
    yield
    workers = [p for p in psutil.Process().children() if is_worker(p)]
    assert workers == []


@pytest.mark.usefixtures("fake")
def test_a_mapped_file_is_the_artifacts_only_if_it_is_its_own(tmp_path: Path) -> None:
    """Pages of libraries come and go with the page cache; the artifact's file counts in full, touched or not."""
    for name, own in (("maps-itself", 32), ("maps-another", 0)):
        artifact = tmp_path / name
        artifact.write_bytes(bytes(32 * 2**20))
        (tmp_path / "library").write_bytes(bytes(32 * 2**20))
        with Child(1, CORE) as child:
            before = child.imports("fake")
            child.begin_load(File("fake", artifact))
            after = resident(child.finish())
        assert after.mapped == own
        assert after.anonymous - before.anonymous < 8
        if not own:
            assert after.peak - before.peak > 24


@pytest.mark.usefixtures("fake")
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc's heap that keeps what is freed")
def test_a_steady_heap_gives_back_what_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.arena_max=2")
    kept = {}
    for steady in (False, True):
        with Child(1, CORE, steady_heap=steady) as child:
            before = child.imports("fake")
            child.begin_load(File("fake", Path("frees")))
            kept[steady] = resident(child.finish()).anonymous - before.anonymous
            tunables = psutil.Process(child.pid).environ()["GLIBC_TUNABLES"].split(":")
            assert tunables[0] == "glibc.malloc.arena_max=2"  # the user's own stay
    assert kept[False] > 38
    assert kept[True] < 28


def test_another_pocketbert_does_not_stand_in_for_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an interpreter with an older one among its packages."""
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench/__init__.py").write_text("raise SystemExit('theirs')")
    monkeypatch.syspath_prepend(str(tmp_path))
    write_onnx(tmp_path / "m.onnx")
    with Child(1, usable_cores()[:1]) as child:
        child.open(File("onnxruntime", tmp_path / "m.onnx"))


def test_a_file_of_the_users_does_not_stand_in_for_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("bench.py", "compress.py"):
        (tmp_path / name).write_text("raise SystemExit('theirs')")
    monkeypatch.chdir(tmp_path)
    write_onnx(tmp_path / "m.onnx")
    with Child(1, usable_cores()[:1]) as child:
        child.open(File("onnxruntime", tmp_path / "m.onnx"))
