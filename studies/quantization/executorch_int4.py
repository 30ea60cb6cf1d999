"""Ways to store the weights of a ``.pte`` file in 4 bits: size, time and accuracy.

`python -m studies.quantization.executorch_int4 [FOLDER [ROWS]]` exports the model of a stage of a build of
`recipes/offline.toml` (by default artifacts/offline/stages/03-prune-vocab) in each way, times the files in turn in one
process on one thread, batch 1, 128 tokens, and scores each on the first test rows (by default all of them), one text at
a time.
"""

import copy
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import torch
from torch import nn
from torch.nn import functional

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.data.texts import read_texts
from pocketbert.compress.exports.forward import traceable
from pocketbert.compress.manifest import Comparison
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.models.rounding import stored_precision
from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.pipeline.steps.step import TOKENIZER
from pocketbert.compress.runtimes import open_session
from pocketbert.compress.tasks.inputs import predict
from pocketbert.compress.tasks.tokenizer import load_tokenizer
from studies.shared.page import in_points, markdown_table
from studies.shared.race import race, ratio
from studies.shared.shapes import one_text

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_ROUNDS = 100
_GROUP = 32
_REFERENCE = "INT8"
_INT4: Any = vars(torch)["int4"]  # has no stub


def main() -> None:
    """Print the table."""
    quiet()
    folder = Path(sys.argv[1] if sys.argv[1:] else "artifacts/offline/stages/03-prune-vocab")
    texts = read_texts(load_recipe(Path("recipes/offline.toml")).task)
    test = texts.splits["test"]
    inputs = texts.task.encode(load_tokenizer(folder / TOKENIZER), test)
    if sys.argv[2:]:
        inputs = inputs.first(int(sys.argv[2]))
    gold = test["label"][: len(inputs)]
    model = load_classifier(folder / "model").eval()
    with tempfile.TemporaryDirectory() as name, Progress() as progress:
        files = _files(model, Path(name), progress)
        sessions = {way: open_session("executorch", path, 1) for way, path in files.items()}
        logits = {}
        for way, session in sessions.items():
            with progress.work(f"scoring: {way}", len(inputs)) as bar:
                logits[way] = predict(session.logits, inputs, 1, bar.advance)
        spent = race(sessions, one_text(words=model.config.vocab_size), _ROUNDS, threads=1)
        table = []
        for way, path in files.items():
            found = Comparison.of(texts.task, gold, logits["FP32"], logits[way], 0.95)
            same = (logits[way].argmax(1) == logits["FP32"].argmax(1)).mean()
            table.append(
                [
                    way,
                    f"{path.stat().st_size / 1e6:.2f}",
                    f"{median(spent[way]):.2f}",
                    str(ratio(spent[way], spent[_REFERENCE])),
                    f"{found.value:.2%}",
                    in_points(-found.drop, -found.high, -found.low),
                    f"{same:.2%}",
                ]
            )
    headers = [
        "weights",
        "MB",
        "P50 ms",
        "time / INT8",
        "accuracy",
        "change to FP32, pp (95 % CI)",
        "same label as FP32",
    ]
    print(markdown_table(headers, table))


def _files(model: "PreTrainedModel", folder: Path, progress: Progress) -> dict[str, Path]:
    from pocketbert.compress.exports import executorch as exporter  # needs the extra `mobile`

    linears = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    tables = [name for name, module in model.named_modules() if isinstance(module, nn.Embedding)]
    ways: dict[str, tuple[str, dict[str, str]]] = {
        "FP32": ("fp32", {}),
        "INT8": ("int8", {}),
        "INT8, tables INT4": ("int4", dict.fromkeys(linears, "int8")),
        "INT4, tables INT8": ("int4", dict.fromkeys(tables, "int8")),
        "INT4": ("int4", {}),
    }
    files = {}
    for number, (way, (precision, kept)) in enumerate(ways.items()):
        progress.say(f"exporting: {way}")
        files[way] = folder / f"{number}.pte"
        exporter.export(model, files[way], precision, kept=kept)
    way = f"INT4 in groups of {_GROUP} inputs"
    progress.say(f"exporting: {way}")
    files[way] = folder / "groups.pte"
    with patch.object(exporter, "traceable", _traceable_in_groups):
        exporter.export(model, files[way], "int4", kept=dict.fromkeys(linears, "float"))
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
