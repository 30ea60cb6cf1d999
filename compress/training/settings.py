"""Training settings: epochs, learning rate and batch size, and the ``[teacher]`` table."""

from typing import Self

from pydantic import Field, model_validator

from pocketbert.compress.base.processes import world
from pocketbert.compress.base.strict import Frozen

MOST_EPOCHS, MOST_ROWS = 1000, 65_536
"""Most epochs and most rows of a batch: a larger number is a mistake that would cost days or all memory."""


class Schedule(Frozen):
    """AdamW over `epochs` in batches of `batch_size` rows; the learning rate rises for a tenth, then falls to 0.

    A batch is computed in `gradient_accumulation_steps` portions, one after the other, and on all processes. The result
    is that of one portion, except that hard labels are averaged within each portion: portions with few labels
    count as much as portions with many.
    """

    epochs: int = Field(1, ge=1, le=MOST_EPOCHS)
    learning_rate: float = Field(1e-4, gt=0)
    batch_size: int = Field(32, ge=1, le=MOST_ROWS)
    gradient_accumulation_steps: int = Field(1, ge=1, le=MOST_ROWS)

    @model_validator(mode="after")
    def _whole_portions(self) -> Self:
        if self.epochs and self.batch_size % (portions := self.gradient_accumulation_steps * world()):
            raise ValueError(
                f"batch_size is {self.batch_size}; allowed with {self.gradient_accumulation_steps} "
                f"gradient_accumulation_steps on {world()} processes: multiples of {portions}"
            )
        return self

    @property
    def portion(self) -> int:
        """Rows that one process computes at once."""
        return self.batch_size // (self.gradient_accumulation_steps * world())


class TeacherTable(Schedule):
    """``[teacher]``: the model to compress (``builtin:e5-small``, a hub id or a folder) and its fine-tuning.

    ``epochs = 0``: the model is fine-tuned already. The embeddings and the lowest `frozen_layers` layers keep their
    weights; their output is computed once. ``control = false``: no linear baseline is trained beside it.
    """

    model: str
    epochs: int = Field(1, ge=0, le=MOST_EPOCHS)
    frozen_layers: int = Field(0, ge=0)
    trust_remote_code: bool = False
    control: bool = True
