"""Fine-tune a classifier on the task's labels."""

from typing import TYPE_CHECKING

from pydantic import Field

from compress.errors import BadInput
from compress.stages import Context, StageParameters

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel


class Parameters(StageParameters):
    """The embeddings and the lowest `frozen_layers` layers keep their weights; 0 trains everything."""

    kind: str = "finetune"
    epochs: int = Field(1, ge=1)
    learning_rate: float = Field(1e-4, gt=0)
    batch_size: int = Field(32, ge=1)
    frozen_layers: int = Field(0, ge=0)


def run(model: "PreTrainedModel", context: Context, parameters: Parameters) -> "PreTrainedModel":
    """`model`, trained with cross-entropy."""
    from torch.nn import functional

    from compress.frozen import LowerStates, UpperLayers
    from compress.training import train

    def loss(logits: "Tensor", batch: "dict[str, Tensor]") -> "Tensor":
        return functional.cross_entropy(logits, batch["labels"])

    trained: nn.Module = model
    inputs = None
    if depth := parameters.frozen_layers:
        if depth >= model.config.num_hidden_layers:
            last = model.config.num_hidden_layers - 1
            raise BadInput(f"frozen_layers is {depth}, the model has {last + 1} layers; legal: 0 to {last}")
        rows, file = context.train.sequences, context.scratch / "lower.npy"
        with context.progress.work("the frozen layers answer the training rows", len(rows)) as work:
            inputs = LowerStates(model, depth, rows, context.padding, file, work).batch
        trained = UpperLayers(model, depth)
    train(
        trained,
        context,
        description="fine-tuning",
        loss=loss,
        epochs=parameters.epochs,
        learning_rate=parameters.learning_rate,
        batch_size=parameters.batch_size,
        inputs=inputs,
    )
    return model.eval()
