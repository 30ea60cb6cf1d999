"""INT8 in PyTorch by `torch.ao.quantization`, whose removal is announced, and by torchao, its successor.

`python -m studies.quantization.torch_int8` (needs a C++ compiler and torchao, part of the extra `mobile`) times a
random student of TinyBERT's shape on one thread, batch 1, 128 tokens, all ways in turn. It prints P50, its ratio to
FP32, the time of the first call, the largest logit difference to FP32, and the bytes of the weights.
"""

import copy
import os
import tempfile
import time
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import torch

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.exports.torch import export
from pocketbert.compress.models.int8 import WEIGHTS, load_quantized
from pocketbert.compress.runtimes.torch import TorchSession
from pocketbert.compress.tasks.inputs import as_tensors
from studies.shared.page import markdown_table
from studies.shared.race import race
from studies.shared.shapes import one_text, student

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_ROUNDS = 100


@torch.inference_mode()
def main() -> None:
    """Print the table."""
    quiet()
    torch.set_num_threads(1)
    text = one_text()
    tensors = as_tensors(text)
    with tempfile.TemporaryDirectory() as name, Progress(thread=False) as progress:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = (
            f"{name}/inductor"  # empty, so that the first call compiles as a user's does
        )
        source = student(spread=0.1)
        ao = _torchao(source)
        ways: dict[str, PreTrainedModel] = {
            "FP32": source,
            "torch.ao": _torch_ao(source, Path(name)),
            "torchao": ao,
            "FP32, compiled": _compiled(source),
            "torchao, compiled": _compiled(ao),
        }
        size = {way: sum(map(_bytes, model.parameters())) for way, model in ways.items()}
        size["torch.ao"] = (Path(name) / "int8" / WEIGHTS).stat().st_size  # its packed weights are not parameters
        first, logits = {}, {}
        for way, model in ways.items():
            progress.say(f"first call: {way}")
            begin = time.perf_counter()
            logits[way] = model(**tensors).logits
            first[way] = time.perf_counter() - begin
        sessions = {way: TorchSession(model) for way, model in ways.items()}
        spent = race(sessions, text, _ROUNDS, 1, progress)
    p50 = {way: median(ms) for way, ms in spent.items()}
    rows = [
        [
            way,
            f"{p50[way]:.1f}",
            f"{p50['FP32'] / p50[way]:.2f}×",
            f"{first[way]:.1f}",
            f"{(logits[way] - logits['FP32']).abs().max():.4f}",
            f"{size[way] / 1e6:.1f}",
        ]
        for way in ways
    ]
    headers = ["way", "P50 ms", "faster than FP32", "first call s", "logit difference", "MB"]
    print(f"torch {torch.__version__}, {torch.backends.quantized.engine}, {torch.backends.cpu.get_cpu_capability()}")
    print(markdown_table(headers, rows))


def _torch_ao(student: "PreTrainedModel", folder: Path) -> "PreTrainedModel":
    """Quantize as an export does, through its folder."""
    export(student, folder / "int8", "int8")
    return load_quantized(folder / "int8")


def _torchao(student: "PreTrainedModel") -> "PreTrainedModel":
    """Quantize weights and dynamic activations of every linear layer to INT8; embeddings stay FP32."""
    torchao = import_module("torchao.quantization")
    model = copy.deepcopy(student)
    torchao.quantize_(model, torchao.Int8DynamicActivationInt8WeightConfig())
    return model


def _compiled(model: "PreTrainedModel") -> "PreTrainedModel":
    """Return a copy that is compiled on its first call."""
    model = copy.deepcopy(model)
    model.compile()
    return model


def _bytes(tensor: Any) -> int:
    """Return the size of a tensor; a tensor of torchao consists of other tensors."""
    if hasattr(tensor, "__tensor_flatten__"):
        return sum(_bytes(getattr(tensor, name)) for name in tensor.__tensor_flatten__()[0])
    return int(tensor.nbytes)


if __name__ == "__main__":
    main()
