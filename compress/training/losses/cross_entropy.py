"""Cross-entropy with hard labels, some of which may be missing."""

from torch import Tensor
from torch.nn import functional

from pocketbert.compress.tasks.rows import NO_LABEL


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """-log softmax(logits)[label], averaged over what has a label, a scalar; exactly 0 where nothing in the batch has.

    Args:
        logits: (n, labels), of rows or of tokens.
        labels: (n,), `NO_LABEL` where there is none.

    Example:
        >>> import torch
        >>> logits = torch.tensor([[0.0, 0.0], [5.0, -5.0]])
        >>> round(cross_entropy(logits, torch.tensor([1, NO_LABEL])).item(), 4)  # ln 2
        0.6931
    """
    total = functional.cross_entropy(logits, labels, ignore_index=NO_LABEL, reduction="sum")
    return total / (labels != NO_LABEL).sum().clamp(min=1)
