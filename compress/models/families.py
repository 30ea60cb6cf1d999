"""Parts of an encoder and their names, which BERT, RoBERTa, ELECTRA and ERNIE share; a new family is one line here.

Loads no torch, because recipes are checked before anything heavy is imported.
"""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from pocketbert.compress.base.errors import BadInput

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig, PreTrainedModel

FAMILIES = ("bert", "roberta", "electra", "ernie")
"""Model types, each also the encoder's name in a classifier; ``uneven_…`` is our checkpoint with per-layer widths."""
PROJECTIONS = ("attention.self.query", "attention.self.key", "attention.self.value")
"""Linear layers whose output channels belong to heads."""
ATTENTION_OUT = "attention.output.dense"
"""Linear layer whose input channels belong to heads."""
FFN_IN = "intermediate.dense"
"""Linear layer whose output channels are the FFN neurons."""
FFN_OUT = "output.dense"
"""Linear layer whose input channels belong to the FFN neurons."""


def family(config: "PretrainedConfig") -> str:
    """Return the model's family, one of `FAMILIES`.

    Raises:
        BadInput: the model is of none of them.
    """
    name = str(config.model_type).removeprefix("uneven_")
    if name not in FAMILIES:
        raise BadInput(f"a {config.model_type} model cannot be compressed; expected one of: {', '.join(FAMILIES)}")
    return name


def is_token_level(model: "PreTrainedModel | PretrainedConfig") -> bool:
    """Return whether the head classifies every token; a configuration says so in its ``architectures``."""
    names = getattr(model, "architectures", None) or (type(model).__name__,)
    return any(name.endswith("ForTokenClassification") for name in names)


def positions(config: "PretrainedConfig") -> int:
    """Return the number of tokens of the longest text that the position embeddings cover."""
    return int(config.max_position_embeddings) - first_position(config)


def first_position(config: "PretrainedConfig") -> int:
    """Return the position of the first token: RoBERTa counts from the padding token's id plus 1."""
    return int(config.pad_token_id) + 1 if counts_from_padding(config) else 0


def counts_from_padding(config: "PretrainedConfig") -> bool:
    """Return whether positions depend on the padding token's id, as RoBERTa's do."""
    return str(config.model_type).endswith("roberta")


def layer_prefix(model: "PreTrainedModel", layer: int) -> str:
    """Return the prefix of the names of a layer's weights."""
    return f"{family(model.config)}.encoder.layer.{layer}."


def encoder_layers(model: "PreTrainedModel") -> Sequence[Any]:
    """Return the encoder's layers, bottom first; a static model has none."""
    layers: Sequence[Any] = model.base_model.encoder.layer if model.config.num_hidden_layers else ()
    return layers


def head_size(config: "PretrainedConfig") -> int:
    """Return the channels of one head, which pruning never changes."""
    return int(config.hidden_size // config.num_attention_heads)


def attention_heads(config: "PretrainedConfig") -> list[int]:
    """Return the number of heads of each layer, for any encoder."""
    listed: list[int] | None = getattr(config, "layer_heads", None)
    return listed or [config.num_attention_heads] * config.num_hidden_layers


def head_counts(config: "PretrainedConfig") -> list[int]:
    """Return the number of heads of each layer of a model that can be pruned.

    Raises:
        BadInput: the model is of none of `FAMILIES`.
    """
    family(config)
    return attention_heads(config)


def neuron_counts(config: "PretrainedConfig") -> list[int]:
    """Return the number of FFN neurons of each layer; raises like `head_counts`."""
    family(config)
    listed: list[int] | None = getattr(config, "layer_intermediate", None)
    return listed or [config.intermediate_size] * config.num_hidden_layers


def with_layers(config: "PretrainedConfig", kept: Sequence[int]) -> "PretrainedConfig":
    """Return the configuration of a model with only the layers `kept`, in that order."""
    made = deepcopy(config)
    made.num_hidden_layers = len(kept)
    for name in ("layer_heads", "layer_intermediate"):
        if listed := getattr(config, name, None):
            setattr(made, name, [listed[layer] for layer in kept])
    return made


def embed(model: "PreTrainedModel", input_ids: "Tensor", token_type_ids: "Tensor | None" = None) -> "Tensor":
    """Compute the input of the lowest layer, (rows, tokens, hidden); without token types every token has type 0."""
    base = model.base_model
    hidden: Tensor = base.embeddings(input_ids=input_ids, token_type_ids=token_type_ids)
    return base.embeddings_project(hidden) if hasattr(base, "embeddings_project") else hidden


def run_layers(layers: Iterable[Any], hidden: "Tensor", attention_mask: "Tensor") -> "Tensor":
    """Run `layers` of an encoder, bottom first, on `hidden` (rows, tokens, hidden).

    Args:
        attention_mask: (rows, tokens), not 0 where a token is visible.
    """
    visible = attention_mask[:, None, None, :].bool()
    for layer in layers:
        hidden = layer(hidden, visible)
    return hidden


def classify(model: "PreTrainedModel", hidden: "Tensor") -> "Tensor":
    """Compute logits from the output of the highest layer: (rows, labels) or, per token, (rows, tokens, labels)."""
    pooler = getattr(model.base_model, "pooler", None)
    pooled = hidden if pooler is None else pooler(hidden)
    # A head without a pooler before it has its own dropout.
    logits: Tensor = model.classifier(model.dropout(pooled) if hasattr(model, "dropout") else pooled)
    return logits


def evenly_spaced(layers: int, wanted: int) -> list[int]:
    """Choose `wanted` of `layers` layers, the last one of each equal stretch: 4 of 12 are 2, 5, 8, 11.

    TinyBERT's uniform mapping (Jiao et al. 2020): the classifier keeps the layer it was trained on.

    Raises:
        BadInput: `wanted` is more than `layers`.
    """
    if wanted > layers:
        raise BadInput(f"distill: student.layers is {wanted}, the model has {layers}; allowed: 1 to {layers}")
    return [(i + 1) * layers // wanted - 1 for i in range(wanted)]
