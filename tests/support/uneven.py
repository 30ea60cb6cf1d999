"""Padded inputs, and heads and neurons to remove so that the layers of a model differ in shape."""

import torch

IDS = torch.tensor([[2, 5, 6, 7, 3], [2, 8, 9, 3, 1]])  # 1 pads: RoBERTa counts positions around it
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]])
HEADS = {0: [0, 3], 1: [2], 3: [0, 1, 2, 3]}
NEURONS = {0: list(range(10, 40)), 2: [0, 63], 3: list(range(64))}


def seen(out: torch.Tensor) -> torch.Tensor:
    """Logits of texts, or of the tokens that are no padding."""
    return out[MASK.bool()] if out.dim() == 3 else out


def logits(model: torch.nn.Module, **inputs: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return seen(model(input_ids=IDS, attention_mask=MASK, **inputs).logits)


def types_for(model: torch.nn.Module) -> torch.Tensor:
    """Token types of pairs; RoBERTa has only one type."""
    types = torch.tensor([[0, 0, 0, 1, 1], [0, 0, 1, 1, 0]])
    return types * (model.config.type_vocab_size > 1)
