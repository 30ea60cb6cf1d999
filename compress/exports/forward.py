"""The forward pass that every exporter traces: no mask-building subgraph, explicit positions, an additive float mask.

The forward pass of Hugging Face has branches that exporters trace badly and runtimes run slowly; this one computes the
same logits. Families outside `FAMILIES` keep the layers of transformers.

Internally the token axis precedes the text axis and both are flattened into one. ONNX Runtime then runs every linear
layer as a ``Gemm`` that keeps its weight's name, reads the heads without moving them, and does not fuse its slow
SkipLayerNormalization. docs/runtimes.md has the ratios.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pocketbert.compress.models.families import FAMILIES, classify, embed, encoder_layers, first_position, head_size
from pocketbert.compress.models.modeling_uneven import Constant, NoHeads

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def traceable(model: "PreTrainedModel", computed: torch.dtype = torch.float32) -> tuple[nn.Module, str | None]:
    """Return the module that an exporter traces instead of `model`, in evaluation mode, and a remark about it or None.

    The module takes ids, mask and, for pairs, token types, all (texts, tokens) int64. It returns logits (texts, labels)
    or (texts, tokens, labels).

    Args:
        computed: the type in which the runtime computes; the mask's value must be finite in it.
    """
    kind = str(model.config.model_type)
    if kind.removeprefix("uneven_") in FAMILIES:
        return PlainClassifier(model).eval(), None
    if kind == "static":
        return Static(model).eval(), None
    note = f"{kind} has no plain forward here: its layers are exported as transformers has them"
    return StockLayers(model, torch.finfo(computed).min).eval(), note


class Static(nn.Module):
    """A classifier without layers, whose own forward pass can be traced."""

    def __init__(self, model: "PreTrainedModel") -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        """Compute logits, (texts, labels)."""
        logits: Tensor = self.model(input_ids, attention_mask, token_type_ids).logits
        return logits


class StockLayers(nn.Module):
    """A classifier's own modules with a float mask: embeddings, layers, head."""

    def __init__(self, model: "PreTrainedModel", lowest: float) -> None:
        super().__init__()
        self.model, self.lowest = model, lowest

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        """Compute logits like `PlainClassifier`."""
        hidden = embed(self.model, input_ids, token_type_ids)
        # MobileBERT normalises nothing: its attention scores may exceed the 1e4 of `PlainClassifier`.
        mask = _additive(attention_mask, hidden, self.lowest)
        for layer in encoder_layers(self.model):
            hidden = layer(hidden, mask)
        return classify(self.model, hidden)


class PlainClassifier(nn.Module):
    """A BERT-family classifier whose forward pass is written out over its modules; layers may be uneven."""

    def __init__(self, model: "PreTrainedModel") -> None:
        super().__init__()
        base: Any = model.base_model
        self.embeddings = base.embeddings
        self.embeddings_project = getattr(base, "embeddings_project", None)
        self.layers = encoder_layers(model)
        self.pooler = getattr(base, "pooler", None)
        self.classifier = model.classifier
        self.head_size = head_size(model.config)
        self.first_position = first_position(model.config)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        """Compute logits, (texts, labels) or for tagging (texts, tokens, labels), from (texts, tokens) int64 inputs.

        Without token types all tokens have type 0. The logits of padding tokens are meaningless.
        """
        rows, tokens = input_ids.shape
        hidden = self._embed(input_ids, token_type_ids)
        mask = _additive(attention_mask, hidden, -1e4)
        for layer in self.layers:
            hidden = self._layer(layer, hidden, mask)
        hidden = hidden.view(tokens, rows, -1).transpose(0, 1)
        logits: Tensor = self.classifier(self.pooler(hidden) if self.pooler else hidden)
        return logits

    def _embed(self, input_ids: Tensor, token_type_ids: Tensor | None) -> Tensor:
        """Compute the input of the lowest layer, (tokens * texts, hidden)."""
        embeddings: Any = self.embeddings
        # `arange` starts at the first position, because PT2E's quantizer would make a sum a float.
        positions = torch.arange(self.first_position, self.first_position + input_ids.shape[1], device=input_ids.device)
        hidden = embeddings.word_embeddings(input_ids.t()) + embeddings.position_embeddings(positions)[:, None]
        types = embeddings.token_type_embeddings
        hidden = hidden + (types.weight[0] if token_type_ids is None else types(token_type_ids.t()))
        if hasattr(embeddings, "task_type_embeddings"):  # ERNIE
            hidden = hidden + embeddings.task_type_embeddings.weight[0]
        hidden = embeddings.LayerNorm(hidden.flatten(0, 1))
        projected: Tensor = self.embeddings_project(hidden) if self.embeddings_project else hidden
        return projected

    def _layer(self, layer: Any, hidden: Tensor, mask: Tensor) -> Tensor:
        attention = layer.attention
        if isinstance(attention.self, NoHeads):
            hidden = attention.output.LayerNorm(attention.output.dense.bias + hidden)
        else:
            context = self._attend(attention.self, hidden, mask)
            hidden = attention.output.LayerNorm(attention.output.dense(context) + hidden)
        if isinstance(layer.output.dense, Constant):
            out: Tensor = layer.output.LayerNorm(layer.output.dense.bias + hidden)
        else:
            wide = layer.intermediate.intermediate_act_fn(layer.intermediate.dense(hidden))
            out = layer.output.LayerNorm(layer.output.dense(wide) + hidden)
        return out

    def _attend(self, attention: Any, hidden: Tensor, mask: Tensor) -> Tensor:
        projections = (attention.query, attention.key, attention.value)
        rows, _, _, tokens = mask.shape
        # (rows, heads, tokens, head size)
        query, key, value = (
            projection(hidden).view(tokens, rows, -1, self.head_size).permute(1, 2, 0, 3) for projection in projections
        )
        scores = query @ key.transpose(-1, -2) * self.head_size**-0.5 + mask
        context = functional.softmax(scores, dim=-1) @ value
        attended: Tensor = context.permute(2, 0, 1, 3).reshape(tokens * rows, -1)
        return attended


def _additive(attention_mask: Tensor, hidden: Tensor, lowest: float) -> Tensor:
    """Return the mask that is added to attention scores, (texts, 1, 1, tokens): 0, and `lowest` for padding."""
    return (1.0 - attention_mask.to(hidden.dtype))[:, None, None, :] * lowest
