"""The speed of students made for kernels: ReLU instead of GELU, and NoNorm instead of LayerNorm.

`python -m studies.runtimes.activations` exports TinyBERT-shaped students of random weights and times them in turn on
one thread (128 tokens, batch 1). NoNorm (Sun et al. 2020, MobileBERT, section 3.3) multiplies each channel by a weight
and adds a bias. LiteRT files are timed where the optional dependency `litert-export` is installed.
"""

import tempfile
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from torch import nn

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.pipeline.shipping.artifact import Export
from pocketbert.compress.runtimes import open_session
from pocketbert.compress.training.distillation.student import activate
from studies.shared.no_norm import NoNorm
from studies.shared.page import markdown_table
from studies.shared.race import race, ratio
from studies.shared.shapes import TOKENS, one_text, student

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_ROUNDS = 100
_EXPORTS = [
    Export("onnx", "int8"),
    *([Export("litert", "int8", lengths=(TOKENS,))] if find_spec("litert_torch") else []),
]


def main() -> None:
    """Print the table."""
    quiet()
    text, rows = one_text(), []
    for export in _EXPORTS:
        with tempfile.TemporaryDirectory() as folder, Progress(thread=False) as progress:
            sessions = {}
            for name, model in _students().items():
                file = Path(folder, name.replace(" ", ""), export.file)
                file.parent.mkdir()
                progress.say(f"exporting {export.name}: {name}")
                export.write(model, file)
                sessions[name] = open_session(export.runtime, file, 1)
            spent = race(sessions, text, _ROUNDS, 1, progress)
        usual = spent["GELU, LayerNorm"]
        for name, times in spent.items():
            rows.append([export.name, name, f"{median(times):.2f}", "" if times is usual else str(ratio(times, usual))])
    print(markdown_table(["file", "student", "P50 ms", "time : GELU, LayerNorm"], rows))


def _students() -> "dict[str, PreTrainedModel]":
    made = {}
    for norm in ("LayerNorm", "NoNorm"):
        for activation in ("gelu", "relu"):
            model = student()
            activate(model, activation)
            if norm == "NoNorm":
                for name, module in list(model.named_modules()):
                    if isinstance(module, nn.LayerNorm):
                        model.set_submodule(name, NoNorm(module.weight, module.bias))
            made[f"{'GELU' if activation == 'gelu' else 'ReLU'}, {norm}"] = model
    return made


if __name__ == "__main__":
    main()
