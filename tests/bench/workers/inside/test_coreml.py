"""Core ML packages: weights as they are stored."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pocketbert.bench.workers.inside import Tensor
from pocketbert.bench.workers.inside.coreml import tensors

coreml = pytest.importorskip("pocketbert.compress.runtimes.coreml", exc_type=ImportError)


def test_integers_take_a_byte_and_floats_two(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    held = {
        "w": SimpleNamespace(int8=True, values=np.zeros((2, 3))),
        "b": SimpleNamespace(int8=False, values=np.zeros(3)),
    }
    monkeypatch.setattr(coreml, "ProgramSession", lambda path: SimpleNamespace(constants=held))
    assert tensors(tmp_path) == [Tensor("w", "int8", (2, 3), 6), Tensor("b", "float16", (3,), 6)]
