"""ONNX Runtime on the CPU, with its threads asleep between requests."""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from compress.errors import BadInput
from compress.runtimes import Batch


class OnnxSession:
    """An `.onnx` file; inputs that the graph does not declare are not fed, token types that nobody gives are 0."""

    def __init__(self, path: Path, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Spinning threads would use the CPU while another artifact is being timed.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._path, self._inputs = path, [node.name for node in self._session.get_inputs()]

    def logits(self, batch: Batch) -> NDArray[np.float32]:
        feed = {name: np.asarray(self._values(name, batch), dtype=np.int64) for name in self._inputs}
        output: NDArray[np.float32] = self._session.run(None, feed)[0]
        return output

    def _values(self, name: str, batch: Batch) -> NDArray[np.int64]:
        if name in batch:
            return batch[name]
        if name == "token_type_ids" and "input_ids" in batch:
            return np.zeros_like(batch["input_ids"])
        raise BadInput(f"{self._path}: the graph has an input {name!r}; there are: {', '.join(batch)}")


def open_session(path: Path, threads: int) -> OnnxSession:
    """Open `path` with `threads` intra-op threads."""
    return OnnxSession(path, threads)
