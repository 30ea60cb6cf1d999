"""Training on the labels and on the fine-tuned teacher's logits: a new student, or what a cut has left."""

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from compress.stages import Context

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel


class Distillation(BaseModel):
    """Loss: `alpha` × cross-entropy + (1 - `alpha`) × T² × KL to the fine-tuned teacher at `temperature` T."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: float = Field(2.0, gt=0)
    alpha: float = Field(0.5, ge=0, le=1)
    epochs: int = Field(1, ge=1)
    learning_rate: float = Field(2e-4, gt=0)
    batch_size: int = Field(32, ge=1)


def distil(student: "PreTrainedModel", context: Context, settings: Distillation, description: str) -> None:
    """Train `student` in place on the training rows; `description` is what the progress bar says."""
    from compress.losses import distillation
    from compress.training import train

    def loss(logits: "Tensor", batch: "dict[str, Tensor]") -> "Tensor":
        return distillation(logits, batch["teacher_logits"], batch["labels"], settings.alpha, settings.temperature)

    train(
        student,
        context,
        description=description,
        loss=loss,
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        batch_size=settings.batch_size,
        columns={"teacher_logits": context.teacher_logits()},
    )
