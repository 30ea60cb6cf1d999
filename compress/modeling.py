"""A BERT whose layers may be uneven: 9 heads here, 12 there, each FFN of its own width.

This file travels inside the checkpoints (`trust_remote_code=True` reads it where pocketbert is not installed), so it
imports nothing but torch and transformers.
"""

from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    PreTrainedModel,
)


class UnevenBertConfig(BertConfig):
    """A `BertConfig` whose layers are listed one by one.

    Args:
        layer_heads: heads left in each layer; their size stays ``hidden_size / num_attention_heads``.
        layer_intermediate: FFN neurons left in each layer.
    """

    model_type = "uneven_bert"

    def __init__(
        self, layer_heads: list[int] | None = None, layer_intermediate: list[int] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.layer_heads = layer_heads or [self.num_attention_heads] * self.num_hidden_layers
        self.layer_intermediate = layer_intermediate or [self.intermediate_size] * self.num_hidden_layers


class UnevenBertForSequenceClassification(BertForSequenceClassification):
    """`BertForSequenceClassification` with the shapes of its `UnevenBertConfig`."""

    config_class = UnevenBertConfig

    def __init__(self, config: UnevenBertConfig) -> None:
        super().__init__(config)
        head_size = config.hidden_size // config.num_attention_heads
        for layer, heads, width in zip(
            self.bert.encoder.layer, config.layer_heads, config.layer_intermediate, strict=True
        ):
            attention = layer.attention
            for name in ("query", "key", "value"):
                setattr(attention.self, name, nn.Linear(config.hidden_size, heads * head_size))
            attention.self.num_attention_heads = heads
            attention.self.all_head_size = heads * head_size
            attention.output.dense = nn.Linear(heads * head_size, config.hidden_size)
            layer.intermediate.dense = nn.Linear(config.hidden_size, width)
            layer.output.dense = nn.Linear(width, config.hidden_size)


def uneven_from(model: BertForSequenceClassification, weights: dict[str, torch.Tensor]) -> PreTrainedModel:
    """`model`'s configuration with the layer shapes found in `weights`, holding `weights`."""
    config = model.config
    head_size = config.hidden_size // config.num_attention_heads
    layers = range(config.num_hidden_layers)
    prefix = "bert.encoder.layer.{}."
    described = {k: v for k, v in config.to_dict().items() if k not in ("model_type", "architectures", "auto_map")}
    described["layer_heads"] = [
        weights[prefix.format(i) + "attention.self.query.weight"].shape[0] // head_size for i in layers
    ]
    described["layer_intermediate"] = [weights[prefix.format(i) + "intermediate.dense.weight"].shape[0] for i in layers]
    uneven = UnevenBertForSequenceClassification(UnevenBertConfig(**described))
    uneven.load_state_dict(weights)
    return uneven


def load_classifier(folder: Path) -> PreTrainedModel:
    """A sequence classifier out of a local Hugging Face folder, FP32; safetensors only, no remote code."""
    model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, trust_remote_code=False, dtype=torch.float32
    )
    return model


AutoConfig.register(UnevenBertConfig.model_type, UnevenBertConfig)
AutoModelForSequenceClassification.register(UnevenBertConfig, UnevenBertForSequenceClassification)
UnevenBertConfig.register_for_auto_class()
UnevenBertForSequenceClassification.register_for_auto_class("AutoModelForSequenceClassification")
