"""ExecuTorch on the CPU: a ``.pte`` file's ``forward``, through XNNPACK and ExecuTorch's own kernels."""

from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import executorch.kernels.quantized  # noqa: F401  adds the kernels of INT8 embedding tables to the runtime
import numpy as np
import torch
from executorch.extension.pybindings import _C as bindings  # noqa: N811
from numpy.typing import NDArray

from pocketbert.compress.base.errors import BadInput

if TYPE_CHECKING:
    from pocketbert.compress.tasks.inputs import Batch

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
"""By position, since a ``.pte`` file names no inputs; a model of single texts has the first two."""
_METHOD = "forward"
_SHORT = 2


class ExecutorchSession:
    """A loaded program; rows are answered one by one, token types that nobody gives are 0.

    A file of a fixed length is given its texts padded up to it.

    Args:
        inputs: the meaning of its inputs, in its order, where it is not as we have them: any name -> ours.

    Raises:
        BadInput: the program has no ``forward``, or one of other inputs.
    """

    def __init__(self, program: Any, path: Path, inputs: Mapping[str, str] | None = None) -> None:
        if _METHOD not in (names := [program.get_method_name(number) for number in range(program.num_methods())]):
            raise BadInput(f"{path}: has no method {_METHOD!r}; there are: {', '.join(names)}")
        self._path, self._program = path, program  # which must outlive its method
        self._method = program.load_method(_METHOD)
        meta = self._method.method_meta()
        shapes = [tuple(meta.input_tensor_meta(number).sizes()) for number in range(meta.num_inputs())]
        meant = tuple(inputs.values()) if inputs else _INPUTS[: len(shapes)]
        if len(meant) != len(shapes) or any(len(shape) != 2 or shape[0] != 1 for shape in shapes):
            raise BadInput(f"{path}: {_METHOD!r} takes {shapes}; legal: {', '.join(meant)}, each (1, tokens)")
        self._inputs, self._longest = meant, shapes[0][1]
        self._fixed = not self._takes(_SHORT)

    def logits(self, batch: "Batch") -> NDArray[np.float32]:
        tokens = batch["input_ids"].shape[1]
        if tokens > self._longest:
            raise BadInput(f"{self._path}: takes {self._longest} tokens at most, got {tokens}")
        answers = np.concatenate([self._method(row)[0].numpy() for row in self._rows(batch, tokens)])
        return answers[:, :tokens] if answers.ndim == 3 else answers  # of a tagger, per token

    def _rows(self, batch: "Batch", tokens: int) -> Iterator[list[torch.Tensor]]:
        more = ((0, 0), (0, self._longest - tokens if self._fixed else 0))
        zeros = np.zeros_like(batch["input_ids"])
        given = [np.pad(batch.get(name, zeros), more).astype(np.int64, copy=False) for name in self._inputs]
        for rows in zip(*given, strict=True):
            yield [torch.from_numpy(row[None, :]) for row in rows]

    def _takes(self, tokens: int) -> bool:
        """Whether a text of that length is let in; what is said of sizes is the largest, be it fixed or not."""
        with redirect_stderr(StringIO()):
            try:
                self._method.set_inputs([torch.ones((1, tokens), dtype=torch.long) for _ in self._inputs])
            except RuntimeError:
                return False
        return True


def open_session(path: Path, threads: int, inputs: Mapping[str, str] | None = None) -> ExecutorchSession:
    """Open `path` with `threads` threads (a setting of the whole process); `inputs` as `ExecutorchSession`'s."""
    set_threads(threads)
    return ExecutorchSession(bindings._load_program(str(path)), path, inputs)


def set_threads(threads: int) -> None:
    """Replace the pool that XNNPACK and the kernels share; nothing of it may be running."""
    with redirect_stderr(StringIO()):  # where it looked for the cores of a phone
        bindings._unsafe_reset_threadpool(threads)


def threads() -> int:
    """The threads in force, the caller's among them."""
    return int(bindings._threadpool_get_thread_count())
