"""LiteRT on the CPU: a ``.tflite`` file, through XNNPACK and LiteRT's own kernels.

Each signature of a file takes one text of one length. A shorter text is padded to the next length.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.quiet import silent_stderr
from pocketbert.compress.runtimes.lengths import padded_to

if TYPE_CHECKING:
    from pocketbert.compress.tasks.inputs import Batch

_NEEDED, _TYPES = ("input_ids", "attention_mask"), "token_type_ids"
_DTYPES = (np.int32, np.int64, np.float32)
"""Types of inputs that a signature may declare; some files need a mask of floats."""


class LitertSession:
    """A loaded file, which runs row by row; missing token types are 0.

    A row is padded from its own last token on, whatever the length of its batch, so no other row changes its logits.

    Args:
        inputs: the file's names of its inputs, if they differ from ours: its name -> ours.

    Raises:
        BadInput: a signature has other inputs or outputs, or there is no signature.
    """

    def __init__(self, path: Path, threads: int, inputs: Mapping[str, str] | None = None) -> None:
        self._path = path
        with silent_stderr():  # a message about each delegate
            self._interpreter = Interpreter(model_path=str(path), num_threads=threads)
            found = [
                _Signature(self._interpreter.get_signature_runner(name), name, path, inputs or {})
                for name in self._interpreter.get_signature_list()
            ]
            if not found:
                names = ", ".join(each["name"] for each in self._interpreter.get_input_details())
                raise BadInput(f"{path}: has no signature, only the inputs {names}; convert the model with a signature")
            self._signatures = {signature.length: signature for signature in found}
            for signature in found:  # the first run of a signature plans its memory, and starts the threads
                signature.run({}, 0)

    def logits(self, batch: "Batch") -> NDArray[np.float32]:
        rows, tokens = batch["input_ids"].shape
        logits = [self._row({name: values[row] for name, values in batch.items()}, tokens) for row in range(rows)]
        return np.stack(logits)

    def _row(self, row: Mapping[str, NDArray[np.int64]], tokens: int) -> NDArray[np.float32]:
        seen = row["attention_mask"].nonzero()[0]
        own = int(seen[-1]) + 1 if len(seen) else 1
        logits = self._signatures[padded_to(self._signatures, own, self._path)].run(row, own)
        if logits.ndim == 1:
            return logits
        return np.concatenate([logits[:own], np.zeros((tokens - own, logits.shape[1]), np.float32)])  # a tagger's


class _Signature:
    """One signature of a file: its length, its inputs, and its first output."""

    def __init__(self, runner: Any, name: str, path: Path, inputs: Mapping[str, str]) -> None:
        self._runner = runner
        details, where = runner.get_input_details(), f"{path}: signature {name!r}"
        self._inputs = {theirs: inputs.get(theirs, theirs) for theirs in details}
        ours = set(self._inputs.values())
        if not set(_NEEDED) <= ours <= {*_NEEDED, _TYPES} or (inputs and set(inputs) != set(details)):
            hint = f"names {', '.join(inputs)}" if inputs else "in the manifest maps its names to these"
            needed = f"{', '.join(_NEEDED)} (and {_TYPES})"
            raise BadInput(f"{where} takes {', '.join(details)}; expected: {needed}; `inputs` {hint}")
        shapes = [tuple(map(int, each["shape_signature"])) for each in details.values()]
        if any(len(shape) != 2 or shape[0] != 1 or shape[1] < 1 or shape != shapes[0] for shape in shapes):
            raise BadInput(f"{where} takes {shapes}; expected: each (1, tokens), a fixed number of tokens")
        if wrong := [each["dtype"].__name__ for each in details.values() if each["dtype"] not in _DTYPES]:
            raise BadInput(f"{where} takes {wrong[0]}; allowed: {', '.join(dtype.__name__ for dtype in _DTYPES)}")
        outputs = runner.get_output_details()
        self._output = "logits" if "logits" in outputs else next(iter(outputs))
        if (dtype := outputs[self._output]["dtype"]) is not np.float32:
            raise BadInput(f"{where} returns {dtype.__name__}; expected: logits in float32")
        self._dtypes = {theirs: each["dtype"] for theirs, each in details.items()}
        self.length = int(shapes[0][1])

    def run(self, row: Mapping[str, NDArray[np.int64]], tokens: int) -> NDArray[np.float32]:
        """Return the logits of a text's first `tokens`, (labels,) or (length, labels)."""
        feed = {}
        for theirs, ours in self._inputs.items():
            feed[theirs] = np.zeros((1, self.length), self._dtypes[theirs])
            if ours in row:
                feed[theirs][0, :tokens] = row[ours][:tokens]
        logits: NDArray[np.float32] = self._runner(**feed)[self._output][0]
        return logits


def open_session(path: Path, threads: int, inputs: Mapping[str, str] | None = None) -> LitertSession:
    """Open `path` with `threads` threads; `inputs` as `LitertSession`'s."""
    return LitertSession(path, threads, inputs)
