"""Distil the teacher into a shallower student, or into the pruned model itself."""

from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from compress.distillation import Distillation, distil
from compress.errors import BadInput
from compress.stages import Context, StageParameters

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel


class Student(BaseModel):
    """Where the student starts: `layers` evenly spaced layers of the model that the stage is given, or (``current``)
    that model itself, to recover what pruning cost.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    init: Literal["teacher-layers", "current"] = "teacher-layers"
    layers: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _layers_belong_to_init(self) -> Self:
        if (self.layers is None) == (self.init == "teacher-layers"):
            raise ValueError('give layers with init = "teacher-layers", and only with it')
        return self


class Parameters(Distillation, StageParameters):
    """What is learnt: see `compress.distillation.Distillation`."""

    kind: Literal["distill"] = "distill"
    student: Student

    def check(self, config: "PretrainedConfig") -> None:
        if self.student.layers:
            evenly_spaced(config.num_hidden_layers, self.student.layers)


def run(model: "PreTrainedModel", context: Context, parameters: Parameters) -> "PreTrainedModel":
    """The student, trained on the labels and the teacher's logits."""
    from compress.surgery import keep_layers

    student, description = model, "recovering by distillation"
    if layers := parameters.student.layers:
        student = keep_layers(model, evenly_spaced(model.config.num_hidden_layers, layers))
        description = f"distilling into {layers} layers"
    distil(student, context, parameters, description)
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
