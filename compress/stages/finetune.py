"""Fine-tuning on the task's labels."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from pocketbert.compress.base.errors import BadInput, percent
from pocketbert.compress.base.processes import first_alone
from pocketbert.compress.stages import StageParameters
from pocketbert.compress.training.context import Context
from pocketbert.compress.training.settings import Schedule

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PretrainedConfig, PreTrainedModel


class Parameters(Schedule, StageParameters):
    """Parameters of fine-tuning."""

    kind: Literal["finetune"] = "finetune"
    """Selects this stage."""
    frozen_layers: int = Field(0, ge=0)
    """Number of layers, from the bottom, that keep their weights together with the embeddings; 0 trains every
    weight."""

    def check(self, config: "PretrainedConfig") -> None:
        if self.frozen_layers and self.frozen_layers >= config.num_hidden_layers:
            layers = config.num_hidden_layers
            raise BadInput(
                f"frozen_layers = {self.frozen_layers}: the model has {layers} layers; allowed: 0 to {layers - 1}"
            )


def run(model: "PreTrainedModel", context: Context, parameters: Parameters) -> "PreTrainedModel":
    """Train `model` with cross-entropy on the examples that have labels, and return it."""
    from pocketbert.compress.training.frozen import LowerStates, UpperLayers
    from pocketbert.compress.training.losses.cross_entropy import cross_entropy
    from pocketbert.compress.training.trainer import Examples, still_improving, told, train

    def loss(logits: "Tensor", batch: dict[str, Any], _: Any) -> "Tensor":
        return cross_entropy(logits, batch["labels"])

    parameters.check(model.config)
    rows = context.labelled
    trained: nn.Module = model
    batch_of = None
    if depth := parameters.frozen_layers:
        bar = context.progress.work("frozen layers: computing the training rows", len(rows.inputs))
        with first_alone(), bar as work:
            batch_of = LowerStates(model, depth, rows.inputs, context.scratch / "lower.npy", work).batch
        trained = UpperLayers(model, depth)
    examples = Examples(rows, batch_of=batch_of)
    history = train(trained, context, examples, parameters, loss, "fine-tuning", model, halfway=True)
    if parameters.epochs > 1:
        context.remarks.append(told(context.task.metric, history, parameters))
    if still_improving(history):
        context.remarks.append(
            f"{context.task.metric} went from {percent(history[-2])} to {percent(history[-1])} at the end of the "
            "training: the model was still improving; give it more epochs (a teacher that is stopped too early teaches "
            "worse than labels do)"
        )
    return model.eval()
