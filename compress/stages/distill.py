"""Distil the teacher into a shallower student."""

import copy
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from compress.errors import BadInput
from compress.stages import Context, StageParameters

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig, PreTrainedModel


class Student(BaseModel):
    """Where the student starts: `layers` evenly spaced layers of the model that the stage is given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    init: Literal["teacher-layers"] = "teacher-layers"
    layers: int = Field(ge=1)


class Parameters(StageParameters):
    """Loss: `alpha` × cross-entropy + (1 - `alpha`) × T² × KL to the fine-tuned teacher at `temperature` T."""

    kind: Literal["distill"] = "distill"
    student: Student
    temperature: float = Field(2.0, gt=0)
    alpha: float = Field(0.5, ge=0, le=1)
    epochs: int = Field(1, ge=1)
    learning_rate: float = Field(2e-4, gt=0)
    batch_size: int = Field(32, ge=1)

    def check(self, config: "PretrainedConfig") -> None:
        evenly_spaced(config.num_hidden_layers, self.student.layers)


def run(model: "PreTrainedModel", context: Context, parameters: Parameters) -> "PreTrainedModel":
    """A student of `parameters.student.layers` layers, trained on the labels and the teacher's logits."""
    from compress.losses import distillation
    from compress.training import train

    student = keep_layers(model, evenly_spaced(model.config.num_hidden_layers, parameters.student.layers))

    def loss(logits: "Tensor", batch: "dict[str, Tensor]") -> "Tensor":
        return distillation(logits, batch["teacher_logits"], batch["labels"], parameters.alpha, parameters.temperature)

    train(
        student,
        context,
        description=f"distilling into {parameters.student.layers} layers",
        loss=loss,
        epochs=parameters.epochs,
        learning_rate=parameters.learning_rate,
        batch_size=parameters.batch_size,
        columns={"teacher_logits": context.teacher_logits()},
    )
    return student


def evenly_spaced(layers: int, wanted: int) -> list[int]:
    """`wanted` of `layers` layer numbers, the last one of each equal stretch: 4 of 12 are 2, 5, 8, 11.

    TinyBERT's uniform mapping (Jiao et al. 2020): the classifier goes on reading the layer that it was trained on.

    Raises:
        BadInput: more are wanted than there are.
    """
    if wanted > layers:
        raise BadInput(f"distill: student.layers is {wanted}, the model has {layers}; legal: 1 to {layers}")
    return [(i + 1) * layers // wanted - 1 for i in range(wanted)]


def keep_layers(model: "PreTrainedModel", layers: list[int]) -> "PreTrainedModel":
    """A copy of `model` with only `layers` of its encoder, in that order."""
    from compress.modeling import uneven_from

    prefix = "bert.encoder.layer."
    weights: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        if not name.startswith(prefix):
            weights[name] = tensor.clone()
            continue
        number, _, rest = name.removeprefix(prefix).partition(".")
        if int(number) in layers:
            weights[f"{prefix}{layers.index(int(number))}.{rest}"] = tensor.clone()
    shallow = copy.copy(model)
    shallow.config = copy.deepcopy(model.config)
    shallow.config.num_hidden_layers = len(layers)
    return uneven_from(shallow, weights)
