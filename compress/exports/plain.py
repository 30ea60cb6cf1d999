"""One plain forward for every exporter: no mask-building subgraph, explicit positions, an additive float mask.

The stock Hugging Face forward carries branches that exporters trace badly and runtimes run slowly; this one computes
the same logits. Of a family that it is not written out for, the layers are exported as transformers has them.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.architectures import FAMILIES, classify, embed, encoder_layers, first_position, head_size
from compress.modeling import Constant, NoHeads

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def forward_of(model: "PreTrainedModel") -> tuple[nn.Module, str | None]:
    """What an exporter traces in place of `model`, in evaluation mode, and what has to be said about it.

    It is called with ids, mask and, of pairs, token types, all (rows, tokens) int64; logits are (rows, labels) or
    (rows, tokens, labels).
    """
    kind = str(model.config.model_type)
    if kind.removeprefix("uneven_") in FAMILIES:
        return PlainClassifier(model).eval(), None
    note = f"{kind} has no plain forward here: its layers are exported as transformers has them"
    return StockLayers(model).eval(), note


class StockLayers(nn.Module):
    """A classifier's own modules under a float mask: embeddings, layer after layer, head."""

    def __init__(self, model: "PreTrainedModel") -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        """As `PlainClassifier`'s."""
        hidden = embed(self.model, input_ids, token_type_ids)
        # MobileBERT normalises nothing: its attention scores may pass the plain forward's 1e4.
        mask = _additive(attention_mask, hidden, torch.finfo(hidden.dtype).min)
        for layer in encoder_layers(self.model):
            hidden = layer(hidden, mask)
        return classify(self.model, hidden)


class PlainClassifier(nn.Module):
    """A BERT-family classifier's forward written out over its own modules; layers may be uneven."""

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
        """Logits of ids and mask, both (rows, tokens) int64: (rows, labels), or of a tagger (rows, tokens, labels).

        Without token types, which are of pairs, all tokens are of type 0. What is said of padding means nothing.
        """
        hidden = self._embed(input_ids, token_type_ids)
        mask = _additive(attention_mask, hidden, -1e4)
        for layer in self.layers:
            hidden = self._layer(layer, hidden, mask)
        logits: Tensor = self.classifier(self.pooler(hidden) if self.pooler else hidden)
        return logits

    def _embed(self, input_ids: Tensor, token_type_ids: Tensor | None) -> Tensor:
        tables: Any = self.embeddings
        # Counted from the first one, not added to it: PT2E's quantizer would make the sum a float.
        positions = torch.arange(self.first_position, self.first_position + input_ids.shape[1], device=input_ids.device)
        hidden = tables.word_embeddings(input_ids) + tables.position_embeddings(positions)
        types = tables.token_type_embeddings
        hidden = hidden + (types.weight[0] if token_type_ids is None else types(token_type_ids))
        if hasattr(tables, "task_type_embeddings"):  # ERNIE
            hidden = hidden + tables.task_type_embeddings.weight[0]
        hidden = tables.LayerNorm(hidden)
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
        query, key, value = (self._heads(projection(hidden)) for projection in projections)
        scores = query @ key.transpose(-1, -2) * self.head_size**-0.5 + mask
        return (functional.softmax(scores, dim=-1) @ value).transpose(1, 2).flatten(2)

    def _heads(self, projected: Tensor) -> Tensor:
        rows, tokens, _ = projected.shape
        return projected.view(rows, tokens, -1, self.head_size).transpose(1, 2)


def _additive(attention_mask: Tensor, hidden: Tensor, lowest: float) -> Tensor:
    """What is added to the attention scores, (rows, 1, 1, tokens): 0, or `lowest` where a token is padding."""
    return (1.0 - attention_mask.to(hidden.dtype))[:, None, None, :] * lowest
