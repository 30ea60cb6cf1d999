"""Checks a model's configuration: what its class would ignore is refused, and what it does otherwise is translated."""

import json
from copy import deepcopy
from typing import TYPE_CHECKING

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.models.families import FAMILIES, counts_from_padding

if TYPE_CHECKING:
    from transformers import PretrainedConfig

_REFUSED = {
    "is_decoder": "a decoder, whose tokens see only the tokens before them; use an encoder, or remove is_decoder",
    "is_encoder_decoder": "an encoder with a decoder; use an encoder alone",
    "add_cross_attention": "a model that reads a second model's output; use an encoder alone",
    "quantization_config": "quantized already; use the model in float",
}
"""Keys of a configuration -> what the model is if the key is set, and the way out."""
_OURS = ("modeling_uneven.", "modeling_static.")
"""Modules that our own folders carry along."""
_LAYERS = 1000


def translated(config: "PretrainedConfig", where: str) -> "PretrainedConfig":
    """Return the configuration of the same model as its class computes it today.

    Heads that transformers 4 pruned become per-layer widths; the kernel of attention and the number type are ours.

    Raises:
        BadInput: the class would compute something else without a word, such as another kind of positions.
    """
    _check_values(config, where)
    _check_class(config, where)
    for key, what in _REFUSED.items():
        if getattr(config, key, None):
            raise BadInput(f"{where}: {key} in config.json says that this is {what}")
    positions = getattr(config, "position_embedding_type", None) or "absolute"
    if positions != "absolute":
        raise BadInput(
            f"{where}: position_embedding_type in config.json is {positions!r}; allowed: absolute. This model cannot "
            "be opened, because its attention depends on distances"
        )
    if config.pad_token_id is None or not 0 <= config.pad_token_id < getattr(config, "vocab_size", 0):
        if counts_from_padding(config):
            raise BadInput(
                f"{where}: pad_token_id in config.json is {json.dumps(config.pad_token_id)}, and a roberta model "
                "counts its positions from that id; set it to the id of the padding token"
            )
        config.pad_token_id = None  # other families never look at it
    config._attn_implementation = None  # transformers chooses sdpa, whatever the model was trained with
    config.chunk_size_feed_forward = 0
    config.return_dict, config.output_attentions, config.output_hidden_states = True, False, False
    return _with_widths(config, where)


def _check_values(config: "PretrainedConfig", where: str) -> None:
    """Raise `BadInput` for values that transformers takes and that no model has."""
    names, numbers, layers = config.architectures, list(config.id2label), getattr(config, "num_hidden_layers", 1)
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise BadInput(f"{where}: architectures in config.json is {names!r}; expected: a list with the name of a class")
    if sorted(map(str, numbers)) != sorted(map(str, range(len(numbers)))):
        raise BadInput(f"{where}: id2label in config.json has the numbers {numbers}; expected: 0, 1 and so on")
    if not isinstance(layers, int) or layers > _LAYERS:
        raise BadInput(f"{where}: num_hidden_layers in config.json is {layers!r}; allowed: up to {_LAYERS}")


def _check_class(config: "PretrainedConfig", where: str) -> None:
    """Raise `BadInput` for a model of its own class: transformers' class of that type would compute something else."""
    named = getattr(config, "auto_map", None) or {}
    for key in ("AutoModel", "AutoModelForSequenceClassification", "AutoModelForTokenClassification"):
        found = str(named.get(key) or "") if isinstance(named, dict) else ""
        if found and not found.rpartition("--")[2].startswith(_OURS):  # a Hub id may stand before it
            raise BadInput(
                f"{where}: auto_map in config.json names the model's own class {found!r}, and only classes of "
                f"transformers can be compressed; if its weights are a {config.model_type}'s, remove auto_map in a copy"
            )


def fit_padding(config: "PretrainedConfig", padding: int | None, where: str) -> None:
    """Set the padding token's id to the tokenizer's, `padding`; None: the tokenizer has no such token.

    Raises:
        BadInput: the embedding matrix has no row for it, or it differs in a family that counts its positions from it.
    """
    if padding is not None and padding >= config.vocab_size:
        raise BadInput(
            f"{where}: its tokenizer's padding token has the id {padding}, its embedding matrix has "
            f"{config.vocab_size:,} rows; use the tokenizer that the model was trained with"
        )
    if padding is None or padding == config.pad_token_id:
        return
    if counts_from_padding(config):
        raise BadInput(
            f"{where}: pad_token_id in config.json is {config.pad_token_id}, its tokenizer's padding token has the id "
            f"{padding}, and a roberta model counts its positions from that id; correct the one that is wrong"
        )
    config.pad_token_id = padding


def _with_widths(config: "PretrainedConfig", where: str) -> "PretrainedConfig":
    """Return the configuration with `pruned_heads` (layer -> heads, of transformers 4) as heads per layer.

    Widths per layer that the class would ignore are removed, because stages and sizes would believe them.
    """
    pruned = getattr(config, "pruned_heads", None)
    if not str(config.model_type).startswith("uneven_"):
        for ignored in ("layer_heads", "layer_intermediate", "pruned_heads"):
            config.__dict__.pop(ignored, None)
    if not pruned or config.model_type not in FAMILIES:
        return config
    from transformers import AutoConfig

    try:
        gone = {int(layer): set(map(int, heads)) for layer, heads in pruned.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise BadInput(
            f'{where}: pruned_heads in config.json is {json.dumps(pruned)[:100]}; expected: {{"0": [1, 2]}}, layer and '
            "heads"
        ) from error
    left = [config.num_attention_heads - len(gone.get(layer, ())) for layer in range(config.num_hidden_layers)]
    described = {key: value for key, value in config.to_dict().items() if key not in ("model_type", "auto_map")}
    made = AutoConfig.for_model(f"uneven_{config.model_type}", **described, layer_heads=left)
    made.name_or_path = config.name_or_path
    return made


def with_a_head(config: "PretrainedConfig") -> "PretrainedConfig | None":
    """Return the configuration with one head in each layer that has none; None if every layer has heads."""
    heads: list[int] = getattr(config, "layer_heads", None) or []
    if all(heads):
        return None
    headed = deepcopy(config)
    headed.layer_heads = [each or 1 for each in heads]
    return headed
