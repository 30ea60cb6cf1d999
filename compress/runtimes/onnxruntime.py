"""ONNX Runtime on the CPU; its threads sleep between requests."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from pocketbert.compress.base.errors import BadInput

if TYPE_CHECKING:
    from pocketbert.compress.tasks.inputs import Batch

THREAD_SAFE = True
_TYPES = {"tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(float)": np.float32}
"""Types of inputs that a graph may declare; some graphs need a mask of floats."""


def options(threads: int) -> onnxruntime.SessionOptions:
    """Return the options for `threads` intra-op threads."""
    chosen = onnxruntime.SessionOptions()
    chosen.intra_op_num_threads = threads
    chosen.inter_op_num_threads = 1
    # Spinning threads would use the CPU while another artifact is being timed.
    chosen.add_session_config_entry("session.intra_op.allow_spinning", "0")
    chosen.log_severity_level = 3
    return chosen


class OnnxSession:
    """An `.onnx` file, fed the inputs that its graph declares; missing token types are 0.

    A graph of one row runs row by row; a graph of a fixed length gets padded texts.

    Args:
        inputs: the graph's names of its inputs, if they differ from ours: its name -> ours.

    Raises:
        BadInput: the graph has other inputs, or inputs of a type or shape that cannot be fed.
    """

    def __init__(self, path: Path, chosen: onnxruntime.SessionOptions, inputs: Mapping[str, str] | None = None) -> None:
        self._path = path
        if _is_ort(path):
            chosen.add_session_config_entry("session.load_model_format", "ORT")
        self._session = onnxruntime.InferenceSession(str(path), chosen, providers=["CPUExecutionProvider"])
        declared = {node.name: node.type for node in self._session.get_inputs()}
        if inputs is not None and set(inputs) != set(declared):
            raise BadInput(f"{path}: the graph's inputs are {', '.join(declared)}; `inputs` names {', '.join(inputs)}")
        if wrong := [name for name, type_ in declared.items() if type_ not in _TYPES]:
            raise BadInput(f"{path}: input {wrong[0]!r} is a {declared[wrong[0]]}; allowed: {', '.join(_TYPES)}")
        shapes = [node.shape for node in self._session.get_inputs() if len(node.shape) == 2]
        rows, lengths = ({shape[axis] for shape in shapes if isinstance(shape[axis], int)} for axis in (0, 1))
        if not rows <= {1} or len(lengths) > 1:
            raise BadInput(f"{path}: the graph's inputs have the shapes {shapes}; expected: 1 or any rows, one length")
        self._row_by_row, self._length = bool(rows), next(iter(lengths), None)
        self._inputs = [(name, (inputs or {}).get(name, name), _TYPES[type_]) for name, type_ in declared.items()]

    def logits(self, batch: "Batch") -> NDArray[np.float32]:
        if self._length is None:
            return self._run(batch)
        tokens = batch["input_ids"].shape[1]
        if tokens > self._length:
            raise BadInput(f"{self._path}: takes {self._length} tokens at most, got {tokens}; lower max_length")
        more = ((0, 0), (0, self._length - tokens))
        logits = self._run({name: np.pad(values, more) for name, values in batch.items()})
        return logits[:, :tokens] if logits.ndim == 3 else logits  # a tagger's, per token

    def _run(self, batch: "Batch") -> NDArray[np.float32]:
        if self._row_by_row and len(batch["input_ids"]) > 1:
            rows = range(len(batch["input_ids"]))
            return np.concatenate([self._run({k: v[row : row + 1] for k, v in batch.items()}) for row in rows])
        feed = {name: np.asarray(self._values(ours, batch), dtype=dtype) for name, ours, dtype in self._inputs}
        output: NDArray[np.float32] = self._session.run(None, feed)[0]
        return output

    def end_profiling(self) -> Path:
        """Write the profile that the options request; returns its path."""
        return Path(self._session.end_profiling())

    def _values(self, name: str, batch: "Batch") -> NDArray[np.int64]:
        if name in batch:
            return batch[name]
        if name == "token_type_ids" and "input_ids" in batch:
            return np.zeros_like(batch["input_ids"])
        raise BadInput(
            f"{self._path}: the graph has an input {name!r}; known: {', '.join(batch)}; map its names to these by "
            "`inputs` in the manifest"
        )


def _is_ort(path: Path) -> bool:
    """Return whether a file has ONNX Runtime's own format, which it recognises by the ending ``.ort`` alone.

    The artifact store keeps files without an ending. The format is a FlatBuffer, whose identifier comes after 4 bytes.
    """
    with path.open("rb") as file:
        return file.read(8)[4:] == b"ORTM"


def open_session(path: Path, threads: int, inputs: Mapping[str, str] | None = None) -> OnnxSession:
    """Open `path` with `threads` intra-op threads; `inputs` as `OnnxSession`'s."""
    return OnnxSession(path, options(threads), inputs)
