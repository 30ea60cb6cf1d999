"""Parameters and multiply-accumulates (MACs) of a model, counted from its shapes."""

from typing import TYPE_CHECKING

from pocketbert.compress.models.families import head_counts, head_size, is_token_level, neuron_counts

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

LENGTH = 128
"""Tokens of the text for which MACs are counted."""


def count_parameters(model: "PreTrainedModel") -> int:
    """Count all weights, embeddings included."""
    return sum(parameter.numel() for parameter in model.parameters())


def count_zeros(model: "PreTrainedModel") -> int:
    """Count the weights that are exactly 0."""
    return sum(int((parameter == 0).sum()) for parameter in model.parameters())


def head_macs(config: "PretrainedConfig", length: int = LENGTH) -> int:
    """Count the MACs of one head: its share of four linear layers, and the attention matmuls (QKᵀ, AV)."""
    size = head_size(config)
    return 4 * length * int(config.hidden_size) * size + 2 * length * length * size


def neuron_macs(config: "PretrainedConfig", length: int = LENGTH) -> int:
    """Count the MACs of one FFN neuron."""
    return 2 * length * int(config.hidden_size)


def all_heads_macs(config: "PretrainedConfig") -> int:
    """Count the MACs of all heads."""
    return sum(head_counts(config)) * head_macs(config)


def all_neurons_macs(config: "PretrainedConfig") -> int:
    """Count the MACs of all FFN neurons."""
    return sum(neuron_counts(config)) * neuron_macs(config)


def layer_macs(config: "PretrainedConfig", length: int = LENGTH) -> list[int]:
    """Count the MACs of each layer: its linear layers, and the attention matmuls (QKᵀ, AV)."""
    if not config.num_hidden_layers:
        return []
    if config.model_type == "mobilebert":
        return [_mobilebert_layer(config, length)] * config.num_hidden_layers
    head, neuron = head_macs(config, length), neuron_macs(config, length)
    shapes = zip(head_counts(config), neuron_counts(config), strict=True)
    return [heads * head + neurons * neuron for heads, neurons in shapes]


def _mobilebert_layer(config: "PretrainedConfig", length: int) -> int:
    """Count the MACs of a layer with a bottleneck (Sun et al. 2020, MobileBERT): its input and output are wide, its
    attention and stacked FFNs narrow.
    """
    wide, narrow = config.hidden_size, config.true_hidden_size
    value = narrow if config.use_bottleneck_attention else wide
    attention = 2 * narrow * narrow + value * narrow + narrow * narrow
    bottlenecks = 0
    if config.use_bottleneck:
        shared = config.key_query_shared_bottleneck and not config.use_bottleneck_attention
        bottlenecks = (3 if shared else 2) * wide * narrow
    feed_forward = config.num_feedforward_networks * 2 * narrow * config.intermediate_size
    return int(length * (attention + bottlenecks + feed_forward) + 2 * length * length * narrow)


def encoder_macs(config: "PretrainedConfig", length: int = LENGTH) -> int:
    """Count the MACs of all layers."""
    return sum(layer_macs(config, length))


def count_macs(model: "PreTrainedModel", length: int = LENGTH) -> int:
    """Count the MACs of one text of `length` tokens: embedding projection, encoder, and the head, on one token or on
    every token.
    """
    from torch import nn

    total, everywhere = encoder_macs(model.config, length), is_token_level(model)
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and ".encoder." not in name:
            total += module.weight.numel() * (length if everywhere or ".embeddings" in name else 1)
    return total
