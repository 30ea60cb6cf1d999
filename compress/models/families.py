"""Where the parts of an encoder lie. BERT, RoBERTa, ELECTRA and ERNIE name them alike; a family is one line here.

Loads no torch: the recipe's checks run before anything heavy does.
"""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from pocketbert.compress.base.errors import BadInput

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


def is_token_level(model: "PreTrainedModel | PretrainedConfig") -> bool:
    """Whether the head answers every token; of a configuration, as it was saved with its model."""
    names = getattr(model, "architectures", None) or (type(model).__name__,)
    return any(name.endswith("ForTokenClassification") for name in names)


def positions(config: "PretrainedConfig") -> int:
    """Tokens of the longest text that the position table has rows for."""
    return int(config.max_position_embeddings) - first_position(config)


def first_position(config: "PretrainedConfig") -> int:
    """The row of the position table that the first token takes: RoBERTa counts from behind its padding token's id."""
    return int(config.pad_token_id) + 1 if str(config.model_type).endswith("roberta") else 0


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


def attention_heads(config: "PretrainedConfig") -> list[int]:
    """Heads of each layer, of any encoder."""
    listed: list[int] | None = getattr(config, "layer_heads", None)
    return listed or [config.num_attention_heads] * config.num_hidden_layers


def head_counts(config: "PretrainedConfig") -> list[int]:
    """Heads of each layer, to be cut.

    Raises:
        BadInput: a family whose layers are laid out otherwise.
    """
    family(config)
    return attention_heads(config)


def neuron_counts(config: "PretrainedConfig") -> list[int]:
    """FFN neurons of each layer; raises as `head_counts`."""
    family(config)
    listed: list[int] | None = getattr(config, "layer_intermediate", None)
    return listed or [config.intermediate_size] * config.num_hidden_layers


def with_layers(config: "PretrainedConfig", kept: Sequence[int]) -> "PretrainedConfig":
    """That of a model with only those layers, in that order."""
    made = deepcopy(config)
    made.num_hidden_layers = len(kept)
    for name in ("layer_heads", "layer_intermediate"):
        if listed := getattr(config, name, None):
            setattr(made, name, [listed[layer] for layer in kept])
    return made


def embed(model: "PreTrainedModel", input_ids: "Tensor", token_type_ids: "Tensor | None" = None) -> "Tensor":
    """What the lowest layer reads, (rows, tokens, hidden); without token types all tokens are of type 0."""
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
    """Logits of the highest layer's output: (rows, labels) through the pooler or a head that has its own, or
    (rows, tokens, labels).
    """
    pooler = getattr(model.base_model, "pooler", None)
    pooled = hidden if pooler is None else pooler(hidden)
    # Without one the head drops out inside.
    logits: Tensor = model.classifier(model.dropout(pooled) if hasattr(model, "dropout") else pooled)
    return logits


def evenly_spaced(layers: int, wanted: int) -> list[int]:
    """`wanted` of `layers` layer numbers, the last one of each equal stretch: 4 of 12 are 2, 5, 8, 11.

    TinyBERT's uniform mapping (Jiao et al. 2020): the classifier goes on reading the layer that it was trained on.

    Raises:
        BadInput: more are wanted than there are.
    """
    if wanted > layers:
        raise BadInput(f"distill: student.layers is {wanted}, the model has {layers}; legal: 1 to {layers}")
    return [(i + 1) * layers // wanted - 1 for i in range(wanted)]
