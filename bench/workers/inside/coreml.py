"""Core ML packages: their tensors. What runs them, and could be profiled, is on Apple's systems alone."""

from pathlib import Path

from pocketbert.bench.workers.inside import Tensor


def tensors(path: Path) -> list[Tensor]:
    """Weights under the names that the converter made of the model's; other floats are stored in FP16."""
    from pocketbert.compress.runtimes.coreml import (
        ProgramSession,  # needs the extra `mobile`; a package is weighed without it
    )

    return [
        Tensor(name, "int8" if held.int8 else "float16", held.values.shape, held.values.size * (1 if held.int8 else 2))
        for name, held in ProgramSession(path).constants.items()
    ]
