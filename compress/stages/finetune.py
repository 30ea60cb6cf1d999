"""Fine-tune a classifier on the task's labels."""

from typing import TYPE_CHECKING

from pydantic import Field
from torch import Tensor
from torch.nn import functional

from compress.stages import Context, StageParameters
from compress.training import train

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Parameters(StageParameters):
    """Plain supervised training; everything is trainable."""

    kind: str = "finetune"
    epochs: int = Field(1, ge=1)
    learning_rate: float = Field(1e-4, gt=0)
    batch_size: int = Field(32, ge=1)


def run(model: "PreTrainedModel", context: Context, parameters: Parameters) -> "PreTrainedModel":
    """`model`, trained with cross-entropy."""

    def loss(logits: Tensor, batch: dict[str, Tensor]) -> Tensor:
        return functional.cross_entropy(logits, batch["labels"])

    train(
        model,
        context,
        description="fine-tuning the teacher",
        loss=loss,
        epochs=parameters.epochs,
        learning_rate=parameters.learning_rate,
        batch_size=parameters.batch_size,
    )
    return model
