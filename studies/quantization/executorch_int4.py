"""Ways to store the weights of a ``.pte`` file in 4 bits: size, time and accuracy.

`python -m studies.quantization.executorch_int4 [FOLDER [ROWS]]` exports the model of a stage of a build of
`recipes/offline.toml` (by default artifacts/offline/stages/03-prune-vocab) in each way. Each file is timed in turn with
the INT8 file: pairs in one process, one thread, batch 1, 128 tokens. Each is scored on the test rows (by default all of
them), one text at a time.
"""

import copy
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import torch
from torch import nn
from torch.nn import functional

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.exports.forward import traceable
from pocketbert.compress.models.rounding import stored_precision
from studies.shared.built import SCORED, TIMED, Built, StudentFile
from studies.shared.page import markdown_table

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_ROUNDS = 100
_GROUP = 32
_FLOAT, _INT8 = "FP32", "INT8"
"""The files that accuracy and time are compared with."""
_INT4: Any = vars(torch)["int4"]  # has no stub


def main() -> None:
    """Print the table."""
    quiet()
    built = Built.named(sys.argv[1:])
    with tempfile.TemporaryDirectory() as name, Progress(thread=False) as progress:
        files = _files(built.model, Path(name), progress)
        sessions = {way: file.open() for way, file in files.items()}
        logits = built.logits(sessions, progress)
        table = [
            [
                way,
                file.megabytes,
                *built.timed(sessions[way], sessions[_INT8], _ROUNDS, progress),
                *built.scored(logits[way], logits[_FLOAT]),
            ]
            for way, file in files.items()
        ]
    print(markdown_table(["weights", "MB", *TIMED, *SCORED], table))


def _files(model: "PreTrainedModel", folder: Path, progress: Progress) -> dict[str, StudentFile]:
    from pocketbert.compress.exports import executorch as exporter  # needs the extra `mobile`

    linears = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    tables = [name for name, module in model.named_modules() if isinstance(module, nn.Embedding)]
    ways: dict[str, tuple[str, dict[str, str]]] = {
        _FLOAT: ("fp32", {}),
        _INT8: ("int8", {}),
        "INT8, embeddings INT4": ("int4", dict.fromkeys(linears, "int8")),
        "INT4, embeddings INT8": ("int4", dict.fromkeys(tables, "int8")),
        "INT4": ("int4", {}),
    }
    files = {}
    for number, (way, (precision, kept)) in enumerate(ways.items()):
        progress.say(f"exporting: {way}")
        files[way] = StudentFile("executorch", folder / f"{number}.pte")
        exporter.export(model, files[way].path, precision, kept=kept)
    way = f"INT4 in groups of {_GROUP} inputs"
    progress.say(f"exporting: {way}")
    files[way] = StudentFile("executorch", folder / "groups.pte")
    with patch.object(exporter, "traceable", _traceable_in_groups):
        exporter.export(model, files[way].path, "int4", kept=dict.fromkeys(linears, "float"))
    return files


class _Padded(nn.Module):
    """A linear layer with zeros behind its inputs, so that groups divide them."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.extra = -linear.in_features % _GROUP
        self.linear = nn.Linear(linear.in_features + self.extra, linear.out_features)
        self.linear.weight = nn.Parameter(functional.pad(linear.weight.detach(), (0, self.extra)))
        self.linear.bias = linear.bias

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.linear(functional.pad(hidden, (0, self.extra)) if self.extra else hidden)  # type: ignore[no-any-return]


def _traceable_in_groups(model: "PreTrainedModel") -> tuple[nn.Module, str | None]:
    from torchao.quantization.granularity import PerGroup  # needs the extra `mobile`
    from torchao.quantization.quant_api import Int8DynamicActivationIntxWeightConfig, quantize_

    forward, note = traceable(copy.deepcopy(model))
    for name, module in list(forward.named_modules()):
        if isinstance(module, nn.Linear) and stored_precision(module.weight.numel(), "int4") == "int4":
            forward.set_submodule(name, _Padded(module))
    quantize_(
        forward,
        Int8DynamicActivationIntxWeightConfig(weight_dtype=_INT4, weight_granularity=PerGroup(_GROUP)),
        lambda module, name: isinstance(module, nn.Linear) and name.endswith(".linear"),
    )
    return forward, note


if __name__ == "__main__":
    main()
