"""Logits on the validation rows, and the change of the metric on them."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.manifest import Comparison
from pocketbert.compress.runtimes.torch import TorchSession
from pocketbert.compress.tasks.inputs import predict
from pocketbert.compress.training.context import Context

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def validation_logits(model: "PreTrainedModel", context: Context) -> NDArray[np.float32]:
    """Return the model's logits on the validation rows, (predictions, labels)."""
    inputs = context.validation.inputs
    with context.progress.work("running inference on the validation rows", len(inputs)) as work:
        return predict(TorchSession(model).logits, inputs, progress=work.advance)


def compare(context: Context, reference: NDArray[np.float32], candidate: NDArray[np.float32]) -> Comparison:
    """Compare two sets of validation logits; the drop of the metric has its 95 % interval."""
    return Comparison.of(context.task, context.validation.gold, reference, candidate, 0.95)
