"""INT8 classifiers in PyTorch: made, stored without pickle, and put together again bit for bit.

The only file that knows `torch.ao.quantization`, whose removal is announced; docs/quantization.md says why it is used
nonetheless, and what torchao costs in its place.
"""

import copy
import warnings
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.ao.nn import quantized as ao
from torch.ao.quantization import (
    float_qparams_weight_only_qconfig,
    per_channel_dynamic_qconfig,
    quantize_dynamic,
)
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoModelForTokenClassification
from transformers.initialization import no_init_weights

import compress.modeling  # noqa: F401  (registers the uneven checkpoint with the Auto classes)
from compress.architectures import is_token_level
from compress.errors import BadInput
from compress.files import whole

if TYPE_CHECKING:
    from transformers import PreTrainedModel

WEIGHTS = "model-int8.safetensors"
"""Not `model.safetensors`: transformers would take the integers for weights."""
# torch.ao is untyped.
_quantize_dynamic: Any = quantize_dynamic
_LINEAR: Any = ao.dynamic.Linear
_TABLE: Any = ao.Embedding
_SCALE, _ZERO = "weight_scale", "weight_zero_point"


def quantize(model: "PreTrainedModel", keep_float: Collection[str] = ()) -> "PreTrainedModel":
    """A copy of `model` with every Linear dynamically quantized to INT8 and every embedding table stored as INT8.

    A Linear has symmetric INT8 weights, one scale per output; its input is quantized to UINT8 on every call, over the
    whole batch. A table has a scale and a float zero point per row and is read back as FP32. The kernels are those of
    ``torch.backends.quantized.engine``: ``x86`` (FBGEMM or oneDNN) on a PC, ``qnnpack`` on ARM.

    Args:
        keep_float: names of Linears, as `named_modules` gives them, that stay FP32.
    """
    chosen = {nn.Linear: per_channel_dynamic_qconfig, nn.Embedding: float_qparams_weight_only_qconfig}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the removal, and of observers that have seen no data
        return _of_any_ids(_quantize_dynamic(model.eval(), chosen | dict.fromkeys(keep_float)))


def save_quantized(model: "PreTrainedModel", folder: Path) -> None:
    """Write what `quantize` made into a Hugging Face folder whose ``config.json`` says ``pocketbert_precision``.

    `WEIGHTS` has, for each quantized ``….weight``, the integers under that name, their scales, and of a table the zero
    points; everything else is FP32 under its usual name.
    """
    config = copy.deepcopy(model.config)
    config.architectures, config.pocketbert_precision = [type(model).__name__], "int8"
    config.save_pretrained(folder)
    with whole(folder / WEIGHTS) as temporary:
        save_file(dict(_stored(model)), temporary, metadata={"format": "pt"})


def _stored(model: "PreTrainedModel") -> Iterator[tuple[str, Tensor]]:
    inside: tuple[str, ...] = ()
    for name, module in model.named_modules():
        if isinstance(module, _LINEAR | _TABLE):
            inside += (f"{name}.",)
            weight = module.weight()
            yield f"{name}.weight", weight.int_repr()
            yield f"{name}.{_SCALE}", weight.q_per_channel_scales().float()
            if isinstance(module, _TABLE):
                yield f"{name}.{_ZERO}", weight.q_per_channel_zero_points()
            elif module.bias() is not None:
                yield f"{name}.bias", module.bias().detach()
    yield from ((name, tensor) for name, tensor in model.state_dict().items() if not name.startswith(inside))


def is_quantized(folder: Path) -> bool:
    """Whether `save_quantized` wrote the folder."""
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    return getattr(config, "pocketbert_precision", None) == "int8"


def load_quantized(folder: Path) -> "PreTrainedModel":
    """The classifier that `save_quantized` wrote, in evaluation mode; its logits are the same to the last bit wherever
    the same kernels run.

    Raises:
        BadInput: a weight is missing, or one is too many.
    """
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    auto = AutoModelForTokenClassification if is_token_level(config) else AutoModelForSequenceClassification
    # The float tables and matrices that are about to be replaced are never written to, so they take no memory.
    with no_init_weights():
        model: PreTrainedModel = auto.from_config(config, dtype=torch.float32, trust_remote_code=False)
    tensors = load_file(folder / WEIGHTS)
    names = [name.removesuffix(f".{_SCALE}") for name in tensors if name.endswith(f".{_SCALE}")]
    modules = {name: _module(name, tensors) for name in names}
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    if wrong := [name for name in missing if name.rpartition(".")[0] not in modules] + unexpected:
        raise BadInput(f"{folder / WEIGHTS}: {wrong[0]} and config.json do not go together; export it again")
    for name, module in modules.items():
        model.set_submodule(name, module, strict=True)
    return _of_any_ids(model.eval())


def _module(name: str, tensors: dict[str, Tensor]) -> Any:
    """The quantized Linear or table of that name; its `tensors` are taken out."""
    integers, scales = tensors.pop(f"{name}.weight"), tensors.pop(f"{name}.{_SCALE}")
    zeros = tensors.pop(f"{name}.{_ZERO}", None)
    outputs, inputs = integers.shape
    # Quantizing floats again would give other scales, and there is no public way from integers to a quantized tensor.
    if zeros is not None:
        return _TABLE(outputs, inputs, _weight=torch._make_per_channel_quantized_tensor(integers, scales, zeros, 0))
    zeros = torch.zeros(outputs, dtype=torch.long)
    linear = _LINEAR(inputs, outputs)
    weight = torch._make_per_channel_quantized_tensor(integers, scales.double(), zeros, 0)
    linear.set_weight_bias(weight, tensors.pop(f"{name}.bias", None))
    return linear


def _of_any_ids(model: "PreTrainedModel") -> "PreTrainedModel":
    # A quantized table refuses ids that are not contiguous, and Hugging Face's token types are an expanded buffer.
    for module in model.modules():
        if isinstance(module, _TABLE):
            module.register_forward_pre_hook(lambda _, ids: (ids[0].contiguous(),))
    return model
