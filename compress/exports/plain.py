"""One plain forward for every exporter: no mask-building subgraph, explicit positions, an additive float mask.

The stock Hugging Face forward carries branches that exporters trace badly and runtimes run slowly; this one computes
the same logits.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.architectures import encoder_layers, family, head_size
from compress.modeling import Constant, NoHeads

if TYPE_CHECKING:
    from transformers import PreTrainedModel


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
        # RoBERTa counts positions from behind its padding token's id.
        self.first_position = model.config.pad_token_id + 1 if family(model.config) == "roberta" else 0

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits (rows, labels) of ids and mask, both (rows, tokens) int64."""
        hidden = self._embed(input_ids)
        mask = (1.0 - attention_mask.to(hidden.dtype))[:, None, None, :] * -1e4
        for layer in self.layers:
            hidden = self._layer(layer, hidden, mask)
        logits: Tensor = self.classifier(self.pooler(hidden) if self.pooler else hidden)
        return logits

    def _embed(self, input_ids: Tensor) -> Tensor:
        tables: Any = self.embeddings
        positions = torch.arange(input_ids.shape[1], device=input_ids.device) + self.first_position
        hidden = tables.word_embeddings(input_ids) + tables.position_embeddings(positions)
        hidden = hidden + tables.token_type_embeddings.weight[0]
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
