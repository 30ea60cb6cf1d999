"""How long, how fast and in which portions a model is trained."""

from typing import Self

from pydantic import Field, model_validator

from pocketbert.compress.base.processes import world
from pocketbert.compress.base.strict import Frozen


class Schedule(Frozen):
    """AdamW over `epochs` passes with batches of `batch_size` rows, warmed up over the first tenth, then decayed to 0.

    A batch is computed in `gradient_accumulation_steps` portions, one after the other, and on as many processes as
    there are. What it comes to is the same, but that hard labels are averaged within each portion: where some rows have
    none, or words are labelled, the portions weigh alike, not the labels.
    """

    epochs: int = Field(1, ge=1)
    learning_rate: float = Field(1e-4, gt=0)
    batch_size: int = Field(32, ge=1)
    gradient_accumulation_steps: int = Field(1, ge=1)

    @model_validator(mode="after")
    def _whole_portions(self) -> Self:
        if self.epochs and self.batch_size % (portions := self.gradient_accumulation_steps * world()):
            raise ValueError(
                f"batch_size is {self.batch_size}; legal in {self.gradient_accumulation_steps} accumulation steps on "
                f"{world()} processes: a multiple of {portions}"
            )
        return self

    @property
    def portion(self) -> int:
        """Rows that one process computes at once."""
        return self.batch_size // (self.gradient_accumulation_steps * world())


class TeacherTable(Schedule):
    """``[teacher]``: the model to compress (``builtin:e5-small``, a hub id or a folder) and how it is fine-tuned.

    ``epochs = 0`` takes it as fine-tuned already. The embeddings and the lowest `frozen_layers` layers keep their
    weights; their output is computed once.
    """

    model: str
    epochs: int = Field(1, ge=0)
    frozen_layers: int = Field(0, ge=0)
    trust_remote_code: bool = False
