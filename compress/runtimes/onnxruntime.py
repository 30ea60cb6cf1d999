"""ONNX Runtime on the CPU, with its threads asleep between requests."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from pocketbert.compress.base.errors import BadInput

if TYPE_CHECKING:
    from pocketbert.compress.tasks.inputs import Batch

_TYPES = {"tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(float)": np.float32}
"""That a graph may declare of its inputs: some want a mask of floats."""


def options(threads: int) -> onnxruntime.SessionOptions:
    """For `threads` intra-op threads."""
    chosen = onnxruntime.SessionOptions()
    chosen.intra_op_num_threads = threads
    chosen.inter_op_num_threads = 1
    # Spinning threads would use the CPU while another artifact is being timed.
    chosen.add_session_config_entry("session.intra_op.allow_spinning", "0")
    chosen.log_severity_level = 3
    return chosen


class OnnxSession:
    """An `.onnx` file; inputs that the graph does not declare are not fed, token types that nobody gives are 0.

    A graph of one row is asked row by row, one of a fixed length is given its texts padded up to it.

    Args:
        inputs: what the graph calls its inputs, where it is not as we do: its name -> ours.

    Raises:
        BadInput: `inputs` are not the graph's, or one of them is neither an integer nor a float.
    """

    def __init__(self, path: Path, chosen: onnxruntime.SessionOptions, inputs: Mapping[str, str] | None = None) -> None:
        self._path = path
        self._session = onnxruntime.InferenceSession(str(path), chosen, providers=["CPUExecutionProvider"])
        declared = {node.name: node.type for node in self._session.get_inputs()}
        if inputs is not None and set(inputs) != set(declared):
            raise BadInput(f"{path}: the graph's inputs are {', '.join(declared)}; `inputs` names {', '.join(inputs)}")
        if wrong := [name for name, type_ in declared.items() if type_ not in _TYPES]:
            raise BadInput(f"{path}: input {wrong[0]!r} is a {declared[wrong[0]]}; legal: {', '.join(_TYPES)}")
        shapes = [node.shape for node in self._session.get_inputs() if len(node.shape) == 2]
        rows, lengths = ({shape[axis] for shape in shapes if isinstance(shape[axis], int)} for axis in (0, 1))
        if not rows <= {1} or len(lengths) > 1:
            raise BadInput(f"{path}: the graph's inputs have the shapes {shapes}; legal: 1 or any rows, one length")
        self._row_by_row, self._length = bool(rows), next(iter(lengths), None)
        self._inputs = [(name, (inputs or {}).get(name, name), _TYPES[type_]) for name, type_ in declared.items()]

    def logits(self, batch: "Batch") -> NDArray[np.float32]:
        if self._length is not None:
            return self._cut(batch, self._length)
        return self._answers(batch)

    def _cut(self, batch: "Batch", length: int) -> NDArray[np.float32]:
        """The answers to a batch padded to `length`, without what is said of padding."""
        tokens = batch["input_ids"].shape[1]
        if tokens > length:
            raise BadInput(f"{self._path}: takes {length} tokens at most, got {tokens}")
        more = ((0, 0), (0, length - tokens))
        answers = self._answers({name: np.pad(values, more) for name, values in batch.items()})
        return answers[:, :tokens] if answers.ndim == 3 else answers  # of a tagger, per token

    def _answers(self, batch: "Batch") -> NDArray[np.float32]:
        if self._row_by_row and len(batch["input_ids"]) > 1:
            rows = range(len(batch["input_ids"]))
            return np.concatenate([self._answers({k: v[row : row + 1] for k, v in batch.items()}) for row in rows])
        feed = {name: np.asarray(self._values(ours, batch), dtype=dtype) for name, ours, dtype in self._inputs}
        output: NDArray[np.float32] = self._session.run(None, feed)[0]
        return output

    def end_profiling(self) -> Path:
        """Where the profile is that the options asked for."""
        return Path(self._session.end_profiling())

    def _values(self, name: str, batch: "Batch") -> NDArray[np.int64]:
        if name in batch:
            return batch[name]
        if name == "token_type_ids" and "input_ids" in batch:
            return np.zeros_like(batch["input_ids"])
        raise BadInput(
            f"{self._path}: the graph has an input {name!r}; there are: {', '.join(batch)}; a manifest's `inputs` "
            "says which is which"
        )


def open_session(path: Path, threads: int, inputs: Mapping[str, str] | None = None) -> OnnxSession:
    """Open `path` with `threads` intra-op threads; `inputs` as `OnnxSession`'s."""
    return OnnxSession(path, options(threads), inputs)
