"""Core ML packages: weights as they are stored."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pocketbert.bench.workers.inside import Tensor
from pocketbert.bench.workers.inside.coreml import tensors

coreml = pytest.importorskip("pocketbert.compress.runtimes.coreml", exc_type=ImportError)


def test_a_weight_takes_the_bits_of_its_type(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shapes = {"int4": (3, 3), "int8": (2, 3), "float16": (3,), "float32": (3,)}
    held = {type_: SimpleNamespace(type=type_, values=np.zeros(shape)) for type_, shape in shapes.items()}
    monkeypatch.setattr(coreml, "ProgramSession", lambda path: SimpleNamespace(constants=held))
    found = {tensor.name: tensor.bytes for tensor in tensors(tmp_path)}
    assert found == {"int4": 5, "int8": 6, "float16": 6, "float32": 12}
    assert tensors(tmp_path)[0] == Tensor("int4", "int4", (3, 3), 5)
