"""Cross-entropy with hard labels, some of which may be missing."""

from torch import Tensor
from torch.nn import functional

from pocketbert.compress.tasks.rows import NO_LABEL


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Compute -log softmax(logits)[label], averaged over all answers with a label, a scalar; 0 if none has a label.

    Args:
        logits: (n, labels), one per row or per scored token.
        labels: (n,), `NO_LABEL` for an answer without a label.

    Example:
        >>> import torch
        >>> logits = torch.tensor([[0.0, 0.0], [5.0, -5.0]])
        >>> round(cross_entropy(logits, torch.tensor([1, NO_LABEL])).item(), 4)  # ln 2
        0.6931
    """
    total = functional.cross_entropy(logits, labels, ignore_index=NO_LABEL, reduction="sum")
    return total / (labels != NO_LABEL).sum().clamp(min=1)
