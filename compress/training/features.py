"""Captures hidden states, queries, keys and values with forward hooks.

Attention maps are not captured: the ``sdpa`` kernel never stores them. Losses compute them from queries and keys.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pocketbert.compress.models.families import attention_heads, encoder_layers

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PretrainedConfig, PreTrainedModel

Part = Literal["embedding", "hidden", "query", "key", "value"]


class Key(NamedTuple):
    """One kind of vector per token: the input of the lowest layer (``embedding``, whose `layer` is ignored), a layer's
    output (``hidden``), or a projection in its attention (``query``, ``key``, ``value``).

    Layers count from 0, bottom first.
    """

    part: Part
    layer: int = 0


def width(config: "PretrainedConfig", key: Key) -> int:
    """Return the channels of these vectors; 0 for the attention of a layer without heads."""
    if key.part in ("embedding", "hidden"):
        return int(config.hidden_size)
    narrowed = getattr(config, "true_hidden_size", config.hidden_size)  # MobileBERT's attention sits in a bottleneck
    return int(attention_heads(config)[key.layer] * (narrowed // config.num_attention_heads))


@contextmanager
def capture(model: "PreTrainedModel", keys: Iterable[Key]) -> "Iterator[dict[Key, Tensor]]":
    """Yield a dictionary that each forward pass of `model` in the block fills with vectors (rows, tokens, `width`).

    Gradients flow through the vectors. Those of the last forward pass stay after the block.
    """
    found: dict[Key, Tensor] = {}
    hooks = [_module(model, key).register_forward_hook(partial(_keep, found, key)) for key in keys]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def _module(model: "PreTrainedModel", key: Key) -> "nn.Module":
    """Return the module whose output the vectors are."""
    base: Any = model.base_model
    if key.part == "embedding":  # ELECTRA widens its narrow embeddings afterwards
        module: nn.Module = getattr(base, "embeddings_project", base.embeddings)
        return module
    layer: nn.Module = encoder_layers(model)[key.layer]
    return layer if key.part == "hidden" else layer.get_submodule(f"attention.self.{key.part}")


def _keep(found: "dict[Key, Tensor]", key: Key, module: "nn.Module", inputs: Any, output: "Tensor") -> None:
    found[key] = output
