"""Core ML packages: their tensors. Only Apple's systems can run and profile a package."""

from pathlib import Path

from pocketbert.bench.workers.inside import Tensor


def tensors(path: Path) -> list[Tensor]:
    """Return the weights under the converter's names; floats are stored in FP16."""
    from pocketbert.compress.runtimes.coreml import ProgramSession  # needs the extra `mobile`

    return [
        Tensor(name, "int8" if held.int8 else "float16", held.values.shape, held.values.size * (1 if held.int8 else 2))
        for name, held in ProgramSession(path).constants.items()
    ]
