"""Forward passes that are not exported: alternatives to `pocketbert.compress.exports.forward`, for comparison."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pocketbert.compress.exports.forward import PlainClassifier
from pocketbert.compress.models.families import classify, embed

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Stock(nn.Module):
    """The classifier of transformers."""

    def __init__(self, model: "PreTrainedModel") -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the logits, (rows, labels); see `PlainClassifier`."""
        logits: Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits


class RowsFirst(PlainClassifier):
    """The plain forward pass as it is usually written: states are (rows, tokens, hidden)."""

    def __init__(self, model: "PreTrainedModel") -> None:
        super().__init__(model)
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        """Return the logits, (rows, labels); see `PlainClassifier`."""
        hidden = embed(self.model, input_ids)
        mask = self._mask(attention_mask)
        for layer in self.layers:
            hidden = self._layer(layer, hidden, mask)
        return classify(self.model, hidden)

    def _mask(self, attention_mask: Tensor) -> Tensor:
        return (1.0 - attention_mask.float())[:, None, None, :] * -1e4

    def _attend(self, attention: Any, hidden: Tensor, mask: Tensor) -> Tensor:
        projections = (attention.query, attention.key, attention.value)
        rows, tokens, _ = hidden.shape
        query, key, value = (
            projection(hidden).view(rows, tokens, -1, self.head_size).transpose(1, 2) for projection in projections
        )
        scores = query @ key.transpose(-1, -2) * self.head_size**-0.5 + mask
        attended: Tensor = (functional.softmax(scores, dim=-1) @ value).transpose(1, 2).flatten(2)
        return attended


class MaskedValues(PlainClassifier):
    """The mask is on the values and on the sums of attention, which are fewer numbers than the attention scores."""

    def _attend(self, attention: Any, hidden: Tensor, mask: Tensor) -> Tensor:
        projections = (attention.query, attention.key, attention.value)
        rows, _, _, tokens = mask.shape
        query, key, value = (projection(hidden).view(tokens, rows, -1, self.head_size) for projection in projections)
        seen = (mask == 0).to(hidden.dtype).permute(3, 0, 1, 2)
        value = torch.cat([value * seen, seen.expand(-1, -1, value.shape[2], -1)], -1)
        query, key, value = (states.permute(1, 2, 0, 3) for states in (query, key, value))
        summed = functional.softmax(query @ key.transpose(-1, -2) * self.head_size**-0.5, dim=-1) @ value
        summed = summed.permute(2, 0, 1, 3)
        attended: Tensor = (summed[..., :-1] / summed[..., -1:]).reshape(tokens * rows, -1)
        return attended


class Unmasked(PlainClassifier):
    """No mask: right only where no text of a batch is padded."""

    def _attend(self, attention: Any, hidden: Tensor, mask: Tensor) -> Tensor:
        projections = (attention.query, attention.key, attention.value)
        rows, _, _, tokens = mask.shape
        query, key, value = (
            projection(hidden).view(tokens, rows, -1, self.head_size).permute(1, 2, 0, 3) for projection in projections
        )
        context = functional.softmax(query @ key.transpose(-1, -2) * self.head_size**-0.5, dim=-1) @ value
        attended: Tensor = context.permute(2, 0, 1, 3).reshape(tokens * rows, -1)
        return attended


class AttentionNode(RowsFirst):
    """Attention and its three projections as ONNX Runtime's own node ``Attention``, in INT8 ``QAttention``."""

    def __init__(self, model: "PreTrainedModel") -> None:
        super().__init__(model)
        self.joined = nn.ModuleDict()
        for number, layer in enumerate(self.layers):
            parts = [getattr(layer.attention.self, name) for name in ("query", "key", "value")]
            joined = nn.Linear(parts[0].in_features, sum(part.out_features for part in parts))
            joined.weight = nn.Parameter(torch.cat([part.weight for part in parts]).t().contiguous())
            joined.bias = nn.Parameter(torch.cat([part.bias for part in parts]))
            layer.attention.self.number = str(number)
            self.joined[str(number)] = joined

    def _mask(self, attention_mask: Tensor) -> Tensor:
        return attention_mask.int()

    def _attend(self, attention: Any, hidden: Tensor, mask: Tensor) -> Tensor:
        joined = self.joined[attention.number]
        heads = attention.query.out_features // self.head_size
        node: Any = _Attention.apply
        attended: Tensor = node(hidden, joined.weight, joined.bias, mask, heads)
        return attended


class _Attention(torch.autograd.Function):
    """Writes the node; only ONNX Runtime computes it."""

    @staticmethod
    def forward(context: Any, hidden: Tensor, weight: Tensor, bias: Tensor, mask: Tensor, heads: int) -> Tensor:
        return hidden.clone()

    @staticmethod
    def symbolic(graph: Any, hidden: Any, weight: Any, bias: Any, mask: Any, heads: int) -> Any:
        node = graph.op("com.microsoft::Attention", hidden, weight, bias, mask, num_heads_i=heads)
        return node.setType(hidden.type())
