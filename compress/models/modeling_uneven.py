"""BERT-family classifiers of texts or tokens with per-layer widths: each layer has its own number of heads and neurons.

This file is copied into the checkpoints, where `trust_remote_code=True` reads it without pocketbert, so it imports only
torch and transformers.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    BertConfig,
    BertForSequenceClassification,
    BertForTokenClassification,
    ElectraConfig,
    ElectraForSequenceClassification,
    ElectraForTokenClassification,
    ErnieConfig,
    ErnieForSequenceClassification,
    ErnieForTokenClassification,
    PretrainedConfig,
    PreTrainedModel,
    RobertaConfig,
    RobertaForSequenceClassification,
    RobertaForTokenClassification,
)


class UnevenBertConfig(BertConfig):
    """BERT's configuration with the heads (of hidden / heads channels) and FFN neurons left in each layer."""

    model_type = "uneven_bert"
    layer_heads: list[int] | None = None
    layer_intermediate: list[int] | None = None


class UnevenRobertaConfig(RobertaConfig):
    model_type = "uneven_roberta"
    layer_heads: list[int] | None = None
    layer_intermediate: list[int] | None = None


class UnevenElectraConfig(ElectraConfig):
    model_type = "uneven_electra"
    layer_heads: list[int] | None = None
    layer_intermediate: list[int] | None = None


class UnevenErnieConfig(ErnieConfig):
    model_type = "uneven_ernie"
    layer_heads: list[int] | None = None
    layer_intermediate: list[int] | None = None


class NoHeads(nn.Module):
    """Replaces the self-attention of a layer that has lost all its heads."""

    def forward(self, hidden: Tensor, *_: Any, **__: Any) -> tuple[Tensor, None]:
        """Return the input, which the `Constant` after this module ignores."""
        return hidden, None


class Constant(nn.Module):
    """Linear layer without inputs: its bias. Formats without empty tensors would lose a weight of shape (n, 0)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(size))

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the bias at every token, (rows, tokens, `size`)."""
        return self.bias.expand(*hidden.shape[:2], -1)


class _Uneven:
    """Mixin that gives the layers the shapes of the configuration."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config)  # type: ignore[call-arg]
        layers = self.base_model.encoder.layer  # type: ignore[attr-defined]
        every_head = config.layer_heads or [config.num_attention_heads] * len(layers)
        every_width = config.layer_intermediate or [config.intermediate_size] * len(layers)
        for layer, heads, width in zip(layers, every_head, every_width, strict=True):
            _attention(layer.attention, config, heads)
            _feed_forward(layer, config, width)


def _attention(attention: Any, config: PretrainedConfig, heads: int) -> None:
    channels = heads * (config.hidden_size // config.num_attention_heads)
    if not heads:
        attention.self, attention.output.dense = NoHeads(), Constant(config.hidden_size)
        return
    for name in ("query", "key", "value"):
        setattr(attention.self, name, nn.Linear(config.hidden_size, channels))
    attention.self.num_attention_heads = heads
    attention.self.all_head_size = channels
    attention.output.dense = nn.Linear(channels, config.hidden_size)


def _feed_forward(layer: Any, config: PretrainedConfig, width: int) -> None:
    if not width:
        layer.intermediate, layer.output.dense = nn.Identity(), Constant(config.hidden_size)
        return
    layer.intermediate.dense = nn.Linear(config.hidden_size, width)
    layer.output.dense = nn.Linear(width, config.hidden_size)


class UnevenBertForSequenceClassification(_Uneven, BertForSequenceClassification):
    config_class = UnevenBertConfig


class UnevenBertForTokenClassification(_Uneven, BertForTokenClassification):
    config_class = UnevenBertConfig


class UnevenRobertaForSequenceClassification(_Uneven, RobertaForSequenceClassification):
    config_class = UnevenRobertaConfig


class UnevenRobertaForTokenClassification(_Uneven, RobertaForTokenClassification):
    config_class = UnevenRobertaConfig


class UnevenElectraForSequenceClassification(_Uneven, ElectraForSequenceClassification):
    config_class = UnevenElectraConfig


class UnevenElectraForTokenClassification(_Uneven, ElectraForTokenClassification):
    config_class = UnevenElectraConfig


class UnevenErnieForSequenceClassification(_Uneven, ErnieForSequenceClassification):
    config_class = UnevenErnieConfig


class UnevenErnieForTokenClassification(_Uneven, ErnieForTokenClassification):
    config_class = UnevenErnieConfig


_CLASSES: dict[str, tuple[Any, Any]] = {
    "bert": (UnevenBertForSequenceClassification, UnevenBertForTokenClassification),
    "roberta": (UnevenRobertaForSequenceClassification, UnevenRobertaForTokenClassification),
    "electra": (UnevenElectraForSequenceClassification, UnevenElectraForTokenClassification),
    "ernie": (UnevenErnieForSequenceClassification, UnevenErnieForTokenClassification),
}
"""Family -> (classifier of texts, classifier of tokens)."""
AUTO: tuple[Any, Any] = (AutoModelForSequenceClassification, AutoModelForTokenClassification)
"""Auto classes, which know the checkpoints with per-layer widths: of texts, of tokens."""


def uneven(
    config: PretrainedConfig, heads: list[int], widths: list[int], weights: dict[str, Tensor], token_level: bool
) -> PreTrainedModel:
    """Make a model of `config`'s family with `heads` and FFN `widths` per layer and these `weights`."""
    cls = _CLASSES[config.model_type.removeprefix("uneven_")][token_level]
    described = {k: v for k, v in config.to_dict().items() if k not in ("model_type", "architectures", "auto_map")}
    described |= {"layer_heads": heads, "layer_intermediate": widths, "num_hidden_layers": len(heads)}
    model: PreTrainedModel = cls(cls.config_class(**described))
    model.load_state_dict(weights)
    return model.eval()


for _pair in _CLASSES.values():
    AutoConfig.register(_pair[0].config_class.model_type, _pair[0].config_class)
    _pair[0].config_class.register_for_auto_class()
    for _auto, _class in zip(AUTO, _pair, strict=True):
        _auto.register(_class.config_class, _class)
        _class.register_for_auto_class(_auto.__name__)
