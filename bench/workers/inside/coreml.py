"""Core ML packages: their tensors. Only Apple's systems can run and profile a package."""

from pathlib import Path

from pocketbert.bench.workers.inside import Tensor

_BITS = {"int4": 4, "int8": 8, "float16": 16, "float32": 32}


def tensors(path: Path) -> list[Tensor]:
    """Return the weights under the converter's names."""
    from pocketbert.compress.runtimes.coreml import ProgramSession  # needs the extra `mobile`

    return [
        Tensor(name, held.type, held.values.shape, (held.values.size * _BITS[held.type] + 7) // 8)
        for name, held in ProgramSession(path).constants.items()
    ]
