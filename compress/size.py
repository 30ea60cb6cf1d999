"""How large a model is: parameters and multiply-accumulates, counted from its shapes."""

from typing import TYPE_CHECKING

from compress.architectures import head_counts, head_size, neuron_counts

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

LENGTH = 128
"""Tokens of the text that MACs are counted for."""


def count_parameters(model: "PreTrainedModel") -> int:
    """All weights, embeddings included."""
    return sum(parameter.numel() for parameter in model.parameters())


def head_macs(config: "PretrainedConfig", length: int = LENGTH) -> int:
    """Multiply-accumulates of one head: its share of four Linears, and both products of attention."""
    size = head_size(config)
    return 4 * length * int(config.hidden_size) * size + 2 * length * length * size


def neuron_macs(config: "PretrainedConfig", length: int = LENGTH) -> int:
    """Multiply-accumulates of one FFN neuron."""
    return 2 * length * int(config.hidden_size)


def layer_macs(config: "PretrainedConfig", length: int = LENGTH) -> list[int]:
    """Multiply-accumulates of each layer: every Linear, and both products of attention."""
    head, neuron = head_macs(config, length), neuron_macs(config, length)
    shapes = zip(head_counts(config), neuron_counts(config), strict=True)
    return [heads * head + neurons * neuron for heads, neurons in shapes]


def encoder_macs(config: "PretrainedConfig", length: int = LENGTH) -> int:
    """Multiply-accumulates of all layers."""
    return sum(layer_macs(config, length))


def count_macs(model: "PreTrainedModel", length: int = LENGTH) -> int:
    """Multiply-accumulates of one text of `length` tokens: embedding projection, encoder, and the head on one token."""
    from torch import nn

    total = encoder_macs(model.config, length)
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and ".encoder." not in name:
            total += module.weight.numel() * (length if name.endswith("embeddings_project") else 1)
    return total
