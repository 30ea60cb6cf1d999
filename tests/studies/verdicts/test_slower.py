from pathlib import Path

import numpy as np
import onnxruntime

from studies.verdicts.slower import write_slower
from tests.support.manifests import write_onnx


def test_a_slower_file_gives_the_same_logits(tmp_path: Path) -> None:
    write_onnx(tmp_path / "plain.onnx")
    write_slower(tmp_path / "plain.onnx", tmp_path / "slower.onnx", 64)
    said = []
    for name in ("plain", "slower"):
        session = onnxruntime.InferenceSession(str(tmp_path / f"{name}.onnx"), providers=["CPUExecutionProvider"])
        said.append(session.run(None, {"input_ids": np.array([[3, 4, 14]])})[0])
    np.testing.assert_array_equal(*said)
