"""Training settings: epochs, learning rate and batch size, and the ``[teacher]`` table."""

from typing import Self

from pydantic import Field, model_validator

from pocketbert.compress.base.processes import world
from pocketbert.compress.base.strict import Frozen

MOST_EPOCHS, MOST_ROWS = 1000, 65_536
"""Most epochs and most rows of a batch: a larger number is a mistake that would cost days or all memory."""


class Schedule(Frozen):
    """A training with AdamW.

    `patience` is early stopping (Prechelt 1998, "Early Stopping - But When?"); `layer_decay` is the discriminative
    fine-tuning of Howard and Ruder 2018 (https://arxiv.org/abs/1801.06146).

    Losses are averaged within each portion of a batch, then over the portions. Portions with few labels, words or
    tokens count as much as those with many, so the result depends a little on the number of portions.
    """

    epochs: int = Field(1, ge=1, le=MOST_EPOCHS)
    """Number of epochs: how often the training sees every example."""
    patience: int = Field(0, ge=0, le=MOST_EPOCHS)
    """Number of epochs without a better validation metric after which the training ends, so that `epochs` is the most;
    the best epoch is kept. With 0 every epoch is run."""
    learning_rate: float = Field(1e-4, gt=0)
    """Highest learning rate of AdamW: it rises during the first tenth of the training, then falls to 0."""
    layer_decay: float = Field(1.0, gt=0, le=1)
    """Factor from the learning rate of the head to that of the highest layer, and from each layer to the one below it:
    with 0.9, lower layers change less. With 1 all weights have the same learning rate."""
    dropout: float | None = Field(None, ge=0, lt=1)
    """Share of the values that dropout sets to 0 in training. The default is what the model's configuration says. A
    student that learns from a teacher's predictions on much text without labels needs no dropout."""
    batch_size: int = Field(32, ge=1, le=MOST_ROWS)
    """Examples per update of the weights, over all processes together."""
    gradient_accumulation_steps: int = Field(1, ge=1, le=MOST_ROWS)
    """Portions in which a batch is computed, one after the other. More portions need less memory."""

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
    """``[teacher]``: the model to compress, and its fine-tuning."""

    model: str
    """The model: ``builtin:e5-small``, an id on Hugging Face Hub, or a local folder."""
    epochs: int = Field(1, ge=0, le=MOST_EPOCHS)
    """Number of epochs: how often the fine-tuning sees every example; 0 means that the model is fine-tuned already."""
    frozen_layers: int = Field(0, ge=0)
    """Number of layers, from the bottom, that keep their weights together with the embeddings. Their output is computed
    once, so the fine-tuning is faster. With 0 every weight is trained."""
    trust_remote_code: bool = False
    """Run the Python code that comes with the model's configuration or tokenizer. Allow it only for a source that you
    trust. A model with a class of its own is refused."""
    control: bool = True
    """Also train a linear baseline (TF-IDF and logistic regression) on the same examples, to compare the teacher
    with."""
