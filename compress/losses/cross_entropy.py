"""Cross-entropy with hard labels, some of which may be missing."""

from torch import Tensor
from torch.nn import functional

IGNORED = -100
"""The label of what is not scored: a row without a label, a word piece that does not begin its word."""


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """-log softmax(logits)[label], averaged over what has a label, a scalar; exactly 0 where nothing in the batch has.

    Args:
        logits: (n, labels), of rows or of tokens.
        labels: (n,), `IGNORED` where there is none.

    Example:
        >>> import torch
        >>> logits = torch.tensor([[0.0, 0.0], [5.0, -5.0]])
        >>> round(cross_entropy(logits, torch.tensor([1, IGNORED])).item(), 4)  # ln 2
        0.6931
    """
    total = functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum")
    return total / (labels != IGNORED).sum().clamp(min=1)
