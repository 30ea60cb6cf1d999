"""One plain forward for every exporter: no mask-building subgraph, explicit positions, an additive float mask.

The stock Hugging Face forward carries branches that exporters trace badly and runtimes run slowly; this one computes
the same logits.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class PlainClassifier(nn.Module):
    """A BERT classifier's forward written out over its own modules; layers may be uneven."""

    def __init__(self, model: "PreTrainedModel") -> None:
        super().__init__()
        self.embeddings = model.bert.embeddings
        self.layers = model.bert.encoder.layer
        self.pooler = model.bert.pooler
        self.classifier = model.classifier
        self.head_size = model.config.hidden_size // model.config.num_attention_heads

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits (rows, labels) of ids and mask, both (rows, tokens) int64."""
        embeddings = self.embeddings
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)
        hidden = embeddings.word_embeddings(input_ids) + embeddings.position_embeddings(positions)
        hidden = embeddings.LayerNorm(hidden + embeddings.token_type_embeddings.weight[0])
        mask = (1.0 - attention_mask.to(hidden.dtype))[:, None, None, :] * -1e4
        for layer in self.layers:
            hidden = self._layer(layer, hidden, mask)
        logits: Tensor = self.classifier(self.pooler(hidden))
        return logits

    def _layer(self, layer: Any, hidden: Tensor, mask: Tensor) -> Tensor:
        attention = layer.attention
        query, key, value = (
            self._heads(projection(hidden))
            for projection in (attention.self.query, attention.self.key, attention.self.value)
        )
        scores = query @ key.transpose(-1, -2) * self.head_size**-0.5 + mask
        context = (functional.softmax(scores, dim=-1) @ value).transpose(1, 2).flatten(2)
        hidden = attention.output.LayerNorm(attention.output.dense(context) + hidden)
        wide = layer.intermediate.intermediate_act_fn(layer.intermediate.dense(hidden))
        out: Tensor = layer.output.LayerNorm(layer.output.dense(wide) + hidden)
        return out

    def _heads(self, projected: Tensor) -> Tensor:
        rows, tokens, _ = projected.shape
        return projected.view(rows, tokens, -1, self.head_size).transpose(1, 2)
