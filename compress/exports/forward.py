"""One plain forward for every exporter: no mask-building subgraph, explicit positions, an additive float mask.

The stock Hugging Face forward carries branches that exporters trace badly and runtimes run slowly; this one computes
the same logits. Of a family that it is not written out for, the layers are exported as transformers has them.

Inside, tokens come before rows and the two are one axis. ONNX Runtime then has every Linear as a ``Gemm`` that keeps
its weight's name, reads the heads in place where it would move them, and does not fuse its slow SkipLayerNormalization.
docs/runtimes.md has the ratios.
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
    """What an exporter traces in place of `model`, in evaluation mode, and what has to be said about it.

    It is called with ids, mask and, of pairs, token types, all (rows, tokens) int64; logits are (rows, labels) or
    (rows, tokens, labels). `computed` is what the runtime calculates in: what hides padding must be a number there.
    """
    kind = str(model.config.model_type)
    if kind.removeprefix("uneven_") in FAMILIES:
        return PlainClassifier(model).eval(), None
    note = f"{kind} has no plain forward here: its layers are exported as transformers has them"
    return StockLayers(model, torch.finfo(computed).min).eval(), note


class StockLayers(nn.Module):
    """A classifier's own modules under a float mask: embeddings, layer after layer, head."""

    def __init__(self, model: "PreTrainedModel", lowest: float) -> None:
        super().__init__()
        self.model, self.lowest = model, lowest

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        """As `PlainClassifier`'s."""
        hidden = embed(self.model, input_ids, token_type_ids)
        # MobileBERT normalises nothing: its attention scores may pass the plain forward's 1e4.
        mask = _additive(attention_mask, hidden, self.lowest)
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
        rows, tokens = input_ids.shape
        hidden = self._embed(input_ids, token_type_ids)
        mask = _additive(attention_mask, hidden, -1e4)
        for layer in self.layers:
            hidden = self._layer(layer, hidden, mask)
        hidden = hidden.view(tokens, rows, -1).transpose(0, 1)
        logits: Tensor = self.classifier(self.pooler(hidden) if self.pooler else hidden)
        return logits

    def _embed(self, input_ids: Tensor, token_type_ids: Tensor | None) -> Tensor:
        """What the lowest layer reads, (tokens * rows, hidden)."""
        tables: Any = self.embeddings
        # Counted from the first one, not added to it: PT2E's quantizer would make the sum a float.
        positions = torch.arange(self.first_position, self.first_position + input_ids.shape[1], device=input_ids.device)
        hidden = tables.word_embeddings(input_ids.t()) + tables.position_embeddings(positions)[:, None]
        types = tables.token_type_embeddings
        hidden = hidden + (types.weight[0] if token_type_ids is None else types(token_type_ids.t()))
        if hasattr(tables, "task_type_embeddings"):  # ERNIE
            hidden = hidden + tables.task_type_embeddings.weight[0]
        hidden = tables.LayerNorm(hidden.flatten(0, 1))
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
    """What is added to the attention scores, (rows, 1, 1, tokens): 0, or `lowest` where a token is padding."""
    return (1.0 - attention_mask.to(hidden.dtype))[:, None, None, :] * lowest
