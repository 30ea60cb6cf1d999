"""Model memory is what the artifact adds to the imported runtime, and its own mapped files."""

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pocketbert.bench.measuring.metrics import memory
from pocketbert.bench.measuring.metrics.memory import PASS_REQUESTS, measure_memory
from pocketbert.bench.workers.child import Resident

KIB = 1024


class Fake:
    """A child with the given memory after the imports, after the load, and at the end (MiB)."""

    pid = os.getpid()

    def __init__(self, imports: Resident, load: Resident, end: Resident) -> None:
        self._imports, self._load, self._end = imports, load, end
        self.asked = 0

    def imports(self, _: str) -> Resident:
        return self._imports

    def begin_load(self, _: object) -> None: ...

    def finish(self) -> dict[str, Any]:
        peak, anonymous, mapped = self._load
        return {"peak_kib": KIB * peak, "file_kib": KIB * (peak - anonymous), "mapped_kib": KIB * mapped}

    def requests(self, _: object) -> None: ...

    def run(self, index: int) -> SimpleNamespace:
        self.asked += 1
        return SimpleNamespace(ms=float(index))

    def memory(self) -> Resident:
        return self._end


@pytest.mark.parametrize(
    ("load", "end", "own"),
    [
        (Resident(260, 100, 0), Resident(270, 95, 0), 60),  # the anonymous peak was while it was loaded
        (Resident(260, 100, 0), Resident(290, 120, 0), 80),  # or later
        (Resident(260, 100, 50), Resident(270, 100, 50), 110),  # a mapped file counts in full
        (Resident(900, 100, 0), Resident(900, 100, 0), 60),  # pages of libraries do not
    ],
)
def test_own_memory(load: Resident, end: Resident, own: float) -> None:
    child = Fake(Resident(200, 40, 0), load, end)
    subject = SimpleNamespace(artifact=SimpleNamespace(runtime="onnxruntime"), file=Path("m.onnx"))
    found, last_ms = measure_memory(cast("Any", child), cast("Any", subject), [[1]])
    assert (found.own_mib, found.imports_mib, found.load_mib, found.peak_mib) == (own, 200, load.peak, end.peak)
    assert (child.asked, last_ms) == (PASS_REQUESTS, PASS_REQUESTS - 1)


def test_the_series_is_sampled_until_the_block_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_INTERVAL_S", 0.01)
    with memory._sampled(os.getpid()) as series:
        time.sleep(0.2)
    count = len(series)
    assert count > 2
    assert all(mib > 1 for _, mib in series)
    assert series == sorted(series)
    time.sleep(0.1)
    assert len(series) == count
