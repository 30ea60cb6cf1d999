"""ExecuTorch on the CPU: a ``.pte`` file's ``forward``, through XNNPACK and ExecuTorch's own kernels."""

from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import executorch.kernels.quantized  # noqa: F401  registers the kernels of INT8 embeddings
import numpy as np
import torch
from executorch.extension.pybindings import _C as bindings  # noqa: N811
from numpy.typing import NDArray

from pocketbert.compress.base.errors import BadInput

if TYPE_CHECKING:
    from pocketbert.compress.tasks.inputs import Batch

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
"""Meaning of the inputs by position, because a ``.pte`` file has no input names; single texts need the first two."""
_METHOD = "forward"
_SHORT = 2


class ExecutorchSession:
    """A loaded program, which runs row by row; missing token types are 0, a file of a fixed length gets padded texts.

    Args:
        inputs: the meaning of the program's inputs in its order, if it differs from ours: any name -> ours.

    Raises:
        BadInput: the program has no ``forward``, or its inputs are not those.
    """

    def __init__(self, program: Any, path: Path, inputs: Mapping[str, str] | None = None) -> None:
        if _METHOD not in (names := [program.get_method_name(number) for number in range(program.num_methods())]):
            raise BadInput(f"{path}: needs a method {_METHOD!r}; found: {', '.join(names)}")
        self._path, self._program = path, program  # the program must outlive its method
        self._method = program.load_method(_METHOD)
        meta = self._method.method_meta()
        shapes = [tuple(meta.input_tensor_meta(number).sizes()) for number in range(meta.num_inputs())]
        meant = tuple(inputs.values()) if inputs else _INPUTS[: len(shapes)]
        if len(meant) != len(shapes) or any(len(shape) != 2 or shape[0] != 1 for shape in shapes):
            raise BadInput(f"{path}: {_METHOD!r} takes {shapes}; expected: {', '.join(meant)}, each (1, tokens)")
        self._inputs, self._longest = meant, shapes[0][1]
        self._fixed = not self._takes(_SHORT)

    def logits(self, batch: "Batch") -> NDArray[np.float32]:
        tokens = batch["input_ids"].shape[1]
        if tokens > self._longest:
            raise BadInput(f"{self._path}: takes {self._longest} tokens at most, got {tokens}; lower max_length")
        logits = np.concatenate([self._method(row)[0].numpy() for row in self._rows(batch, tokens)])
        return logits[:, :tokens] if logits.ndim == 3 else logits  # a tagger's, per token

    def _rows(self, batch: "Batch", tokens: int) -> Iterator[list[torch.Tensor]]:
        more = ((0, 0), (0, self._longest - tokens if self._fixed else 0))
        zeros = np.zeros_like(batch["input_ids"])
        given = [np.pad(batch.get(name, zeros), more).astype(np.int64, copy=False) for name in self._inputs]
        for rows in zip(*given, strict=True):
            yield [torch.from_numpy(row[None, :]) for row in rows]

    def _takes(self, tokens: int) -> bool:
        """Whether texts of that length are accepted; the declared size is the largest one, fixed or not."""
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
    """Replace the thread pool that XNNPACK and the kernels share; it must be idle."""
    with redirect_stderr(StringIO()):  # messages about a phone's cores
        bindings._unsafe_reset_threadpool(threads)


def threads() -> int:
    """Return the number of threads, including the caller's."""
    return int(bindings._threadpool_get_thread_count())
