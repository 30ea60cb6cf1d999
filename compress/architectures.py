"""Where the parts of an encoder lie. BERT, RoBERTa, ELECTRA and ERNIE name them alike; a family is one line here.

Loads no torch: the recipe's checks run before anything heavy does.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from compress.errors import BadInput

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig, PreTrainedModel

FAMILIES = ("bert", "roberta", "electra", "ernie")
"""Model types, each also the name of the encoder inside the classifier; ``uneven_…`` is our checkpoint of one."""

PROJECTIONS = ("attention.self.query", "attention.self.key", "attention.self.value")
"""The Linears of a layer whose rows belong to heads."""
ATTENTION_OUT = "attention.output.dense"
"""Its columns belong to heads."""
FFN_IN = "intermediate.dense"
"""Its rows are the neurons."""
FFN_OUT = "output.dense"
"""Its columns belong to neurons."""


def family(config: "PretrainedConfig") -> str:
    """Which of `FAMILIES` a model is of.

    Raises:
        BadInput: none of them.
    """
    name = str(config.model_type).removeprefix("uneven_")
    if name not in FAMILIES:
        raise BadInput(f"a {config.model_type} model cannot be compressed; legal: {', '.join(FAMILIES)}")
    return name


def layer_prefix(model: "PreTrainedModel", layer: int) -> str:
    """What the names of a layer's weights begin with."""
    return f"{family(model.config)}.encoder.layer.{layer}."


def encoder_layers(model: "PreTrainedModel") -> Sequence[Any]:
    """The layers, bottom first."""
    layers: Sequence[Any] = model.base_model.encoder.layer
    return layers


def head_size(config: "PretrainedConfig") -> int:
    """Channels of one head; pruning changes how many heads there are, never this."""
    return int(config.hidden_size // config.num_attention_heads)


def head_counts(config: "PretrainedConfig") -> list[int]:
    """Heads of each layer."""
    listed: list[int] | None = getattr(config, "layer_heads", None)
    return listed or [config.num_attention_heads] * config.num_hidden_layers


def neuron_counts(config: "PretrainedConfig") -> list[int]:
    """FFN neurons of each layer."""
    listed: list[int] | None = getattr(config, "layer_intermediate", None)
    return listed or [config.intermediate_size] * config.num_hidden_layers


def embed(model: "PreTrainedModel", input_ids: "Tensor") -> "Tensor":
    """What the lowest layer reads, (rows, tokens, hidden)."""
    base = model.base_model
    hidden: Tensor = base.embeddings(input_ids=input_ids)
    return base.embeddings_project(hidden) if hasattr(base, "embeddings_project") else hidden


def classify(model: "PreTrainedModel", hidden: "Tensor") -> "Tensor":
    """Logits (rows, labels) of the highest layer's output: through the pooler, or through a head that has its own."""
    pooler = getattr(model.base_model, "pooler", None)
    logits: Tensor = model.classifier(hidden if pooler is None else model.dropout(pooler(hidden)))
    return logits
