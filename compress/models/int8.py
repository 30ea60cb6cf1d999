"""INT8 classifiers in PyTorch: quantized, stored without pickle, and loaded again bit for bit.

The only file that uses `torch.ao.quantization`, and only for linear layers. PyTorch has announced its removal;
docs/quantization-results.md gives the reasons for using it, and the cost of torchao.
"""

import copy
import json
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.ao.nn.quantized.dynamic import Linear
from torch.ao.quantization import per_channel_dynamic_qconfig, quantize_dynamic
from torch.nn import functional
from transformers import AutoConfig
from transformers.initialization import no_init_weights

import pocketbert.compress.models.modeling_static  # noqa: F401  (registers its configuration with AutoConfig)
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import atomic_write
from pocketbert.compress.models.families import is_token_level
from pocketbert.compress.models.modeling_uneven import AUTO

if TYPE_CHECKING:
    from transformers import PreTrainedModel

WEIGHTS = "model-int8.safetensors"
"""Not `model.safetensors`, because transformers would read the integers as weights."""
_SCALE = "weight_scale"
# torch.ao is untyped.
_quantize_dynamic: Any = quantize_dynamic
_LINEAR: Any = Linear


class Int8Embedding(nn.Module):
    """Embedding matrix in UINT8, with a scale and a smallest value per row; looks up FP32 vectors.

    The one of torch.ao has to be packed, which takes several times its size on loading; this one is used as it lies in
    the file.
    """

    weight: Tensor
    weight_scale: Tensor
    weight_least: Tensor

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.empty((rows, width), dtype=torch.uint8))
        self.register_buffer("weight_scale", torch.empty(rows))
        self.register_buffer("weight_least", torch.empty(rows))

    @classmethod
    def of(cls, embedding: nn.Embedding) -> "Int8Embedding":
        """Round each row of `embedding` to 256 even levels from its smallest to its largest value."""
        values = embedding.weight.detach()
        least, most = values.aminmax(dim=1)
        scale = ((most - least) / 255).clamp(min=torch.finfo(torch.float32).tiny)
        made = cls(*values.shape)
        made.weight = ((values - least[:, None]) / scale[:, None]).round().to(torch.uint8)
        made.weight_scale, made.weight_least = scale, least
        return made

    def forward(self, ids: Tensor) -> Tensor:
        """Look up `ids`, (…) -> (…, width), FP32."""
        least, scale = (functional.embedding(ids, each[:, None]) for each in (self.weight_least, self.weight_scale))
        return torch.addcmul(least, functional.embedding(ids, self.weight), scale)


def quantize(model: "PreTrainedModel", kept: Collection[str] = ()) -> "PreTrainedModel":
    """Copy `model` with dynamically quantized INT8 linear layers and INT8 embedding matrices.

    A linear layer has symmetric INT8 weights with one scale per output; its input is quantized to UINT8 on every call,
    over the whole batch. The kernels are those of ``torch.backends.quantized.engine``: ``x86`` (FBGEMM or oneDNN) on a
    PC, ``qnnpack`` on ARM.

    Args:
        kept: names of linear layers and embeddings, as in `named_modules`, that stay FP32.
    """
    chosen = {nn.Linear: per_channel_dynamic_qconfig} | dict.fromkeys(kept)
    with _quiet():
        quantized: PreTrainedModel = _quantize_dynamic(model.eval(), chosen)
    for name, module in list(quantized.named_modules()):
        if isinstance(module, nn.Embedding) and name not in kept:
            quantized.set_submodule(name, Int8Embedding.of(module), strict=True)
    return quantized


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the warning about the announced removal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def save_quantized(model: "PreTrainedModel", folder: Path) -> None:
    """Write a quantized model as a Hugging Face folder with ``pocketbert_precision`` in its ``config.json``.

    `WEIGHTS` has the integers of each quantized ``….weight`` under that name, with ``….weight_scale`` and, for an
    embedding matrix, ``….weight_least``; all other weights are FP32 under their usual names.
    """
    config = copy.deepcopy(model.config)
    config.architectures, config.pocketbert_precision = [type(model).__name__], "int8"
    config.save_pretrained(folder)
    with atomic_write(folder / WEIGHTS) as temporary:
        save_file(dict(_stored(model)), temporary, metadata={"format": "pt"})


def _stored(model: "PreTrainedModel") -> Iterator[tuple[str, Tensor]]:
    packed: tuple[str, ...] = ()
    for name, module in model.named_modules():
        if isinstance(module, _LINEAR):
            packed += (f"{name}.",)
            weight, bias = module.weight(), module.bias()
            yield f"{name}.weight", weight.int_repr()
            yield f"{name}.{_SCALE}", weight.q_per_channel_scales().float()
            if bias is not None:
                yield f"{name}.bias", bias.detach()
    yield from ((name, tensor) for name, tensor in model.state_dict().items() if not name.startswith(packed))


def is_quantized(folder: Path) -> bool:
    """Return whether `save_quantized` wrote the folder."""
    # Not by AutoConfig: it refuses a config.json without model_type, which a float folder may have.
    try:
        described = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False  # opening it as a float folder says what is wrong
    return isinstance(described, dict) and described.get("pocketbert_precision") == "int8"


def load_quantized(folder: Path) -> "PreTrainedModel":
    """Load a classifier that `save_quantized` wrote, in evaluation mode; the same kernels give bit-identical logits.

    Raises:
        BadInput: a weight is missing or unexpected.
    """
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    # The float matrices, soon replaced, are never written to, so they take no memory.
    with no_init_weights():
        model: PreTrainedModel = AUTO[is_token_level(config)].from_config(
            config, dtype=torch.float32, trust_remote_code=False
        )
    tensors = load_file(folder / WEIGHTS)
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Embedding) and f"{name}.{_SCALE}" in tensors:
            model.set_submodule(name, Int8Embedding(*module.weight.shape), strict=True)
    linears = {
        name: _linear(name, tensors)
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and f"{name}.{_SCALE}" in tensors
    }
    missing, unexpected = model.load_state_dict(tensors, strict=False, assign=True)
    if wrong := [name for name in missing if name.rpartition(".")[0] not in linears] + unexpected:
        raise BadInput(f"{folder / WEIGHTS}: {wrong[0]} does not fit config.json; export the model again")
    for name, linear in linears.items():
        model.set_submodule(name, linear, strict=True)
    return model.eval()


def _linear(name: str, tensors: dict[str, Tensor]) -> Any:
    """Make the quantized linear layer of that name from its `tensors`, which are removed."""
    integers, scales = tensors.pop(f"{name}.weight"), tensors.pop(f"{name}.{_SCALE}")
    none = torch.zeros(len(scales), dtype=torch.long)
    with _quiet():
        linear = _LINEAR(integers.shape[1], integers.shape[0])
        # Quantizing floats again would change the scales; no public function makes a quantized tensor from integers.
        weight = torch._make_per_channel_quantized_tensor(integers, scales.double(), none, 0)
        linear.set_weight_bias(weight, tensors.pop(f"{name}.bias", None))
    return linear
