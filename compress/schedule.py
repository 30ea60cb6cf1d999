"""How long, how fast and in which portions a model is trained."""

from pydantic import BaseModel, ConfigDict, Field


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
