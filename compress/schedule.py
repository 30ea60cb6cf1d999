"""How long, how fast and in which portions a model is trained."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from compress.processes import world


class Schedule(BaseModel):
    """AdamW over `epochs` passes with batches of `batch_size` rows, warmed up over the first tenth, then decayed to 0.

    A batch is computed in `gradient_accumulation_steps` portions, one after the other, and on as many processes as
    there are. What it comes to is the same, but that hard labels are averaged within each portion: where some rows have
    none, or words are labelled, the portions weigh alike, not the labels.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

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
