"""How large a model is: parameters and multiply-accumulates, counted from its shapes."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def count_parameters(model: "PreTrainedModel") -> int:
    """All weights, embeddings included."""
    return sum(parameter.numel() for parameter in model.parameters())


def count_macs(model: "PreTrainedModel", length: int) -> int:
    """Multiply-accumulates of one text of `length` tokens: every Linear, and both products of attention."""
    total = 0
    for layer in model.bert.encoder.layer:
        attention = layer.attention
        linears = [attention.self.query, attention.self.key, attention.self.value, attention.output.dense]
        linears += [layer.intermediate.dense, layer.output.dense]
        total += length * sum(linear.weight.numel() for linear in linears)
        total += 2 * length * length * attention.self.query.out_features
    pooler_and_head = [model.bert.pooler.dense, model.classifier]
    return total + sum(int(linear.weight.numel()) for linear in pooler_and_head)
