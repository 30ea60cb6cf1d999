"""Stages: model -> model. A new kind is one file here and its line in `STAGES`.

A stage writes into its scratch folder alone and prints nothing; cache, guard and record are `compress.pipeline`'s.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from compress.progress import Progress
from compress.tasks import Task, flat
from compress.tasks.encoding import Columns, Inputs

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PretrainedConfig, PreTrainedModel

    from compress.teacher import Teacher

STAGES = {
    "finetune": "finetune",
    "prune-heads": "prune_heads",
    "prune-ffn": "prune_ffn",
    "prune-width": "prune_width",
    "prune-layers": "prune_layers",
    "prune-vocab": "prune_vocab",
    "distill": "distill",
    "sparsify": "sparsify",
}
"""Kind -> module here. Each has `Parameters` (what a recipe may say) and `run`.

One that cuts layer by layer also has ``costliest(model, context, parameters)``: the layer that the guard gives back.
"""


class StageParameters(BaseModel):
    """What every ``[[stage]]`` table has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str

    @property
    def strength(self) -> float | None:
        """The one number the guard may turn down, 0 (nothing happens) to 1; None where there is none."""
        return None

    def at(self, strength: float) -> Self:
        """The same at another strength."""
        raise NotImplementedError(f"{self.kind} has no strength")

    def sparing(self, layer: int) -> Self:
        """The same, but `layer` keeps all it has."""
        raise NotImplementedError(f"{self.kind} spares no layer")

    def reached(self, macs: int, teacher: int) -> float:
        """The strength at which nothing would happen to a model whose encoder has `macs` of the `teacher`'s."""
        return 0.0

    def outside(self) -> str | None:
        """What comes from outside the build, a hub id or a folder; its content belongs to what the stage is made of."""
        return None

    def check_tokenizer(self, given: "Tokenizer", teacher: "Tokenizer", token_level: bool) -> None:
        """Raise `BadInput` for what cannot be done with the tokenizer of the model that it is given, or with the
        teacher's, before anything is trained.

        `token_level`: whether the task labels every word.
        """

    def leaves_tokenizer(self, given: "Tokenizer") -> "Tokenizer":
        """That of what it makes; what it leaves out of it cannot be told before."""
        return given

    def check(self, config: "PretrainedConfig") -> None:
        """Raise `BadInput` for what a model of this configuration cannot do, before anything is trained."""

    def leaves(self, config: "PretrainedConfig", teacher: "PretrainedConfig") -> "PretrainedConfig":
        """What it makes of a model of `config`, as far as that can be told before anything is trained.

        Raises:
            BadInput: something that cannot learn from the `teacher` as it is told to.
        """
        return config


@dataclass(frozen=True)
class Rows:
    """One split: what a model reads, the labels as the data have them (one per row, or one per word), and the rows
    before they were tokenized.
    """

    inputs: Inputs
    gold: Sequence[Any]
    columns: Columns

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """One per answer, (answers,)."""
        return flat(self.gold)

    def first(self, rows: int) -> "Rows":
        """The first so many rows."""
        columns = {name: values[:rows] for name, values in self.columns.items()}
        return Rows(self.inputs.first(rows), self.gold[:rows], columns)


@dataclass(frozen=True)
class Context:
    """What a stage may use beside the model it is given.

    `train` are all training rows, `labelled` those of them (the first) that have labels. `teacher` answers for the
    fine-tuned teacher. `scratch` is a folder of the stage's own, for checkpoints inside training. `teacher_macs` are
    those of the teacher's encoder at 128 tokens. `tokenizer` is the folder of the tokenizer of the model that the stage
    is given; a stage that rewrites it writes `new_tokenizer`. `kept` holds what was computed about that model while the
    stage is tried at several strengths; `remarks` is what the stage has to say about its work.
    """

    task: Task
    train: Rows
    labelled: Rows
    validation: Rows
    padding: int
    seed: int
    scratch: Path
    progress: Progress
    teacher: "Teacher | None" = None
    teacher_macs: int = 0
    tokenizer: Path = Path()
    new_tokenizer: Path = Path()
    kept: dict[tuple[str, str], Any] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


class Stage(Protocol):
    """A module of this package."""

    Parameters: type[StageParameters]

    def run(self, model: "PreTrainedModel", context: Context, parameters: Any) -> "PreTrainedModel":
        """The model that comes out; `model` itself may be changed."""
        ...


def stage_module(kind: str) -> Any:
    """The module of a stage kind (its `Parameters` and `run`)."""
    return import_module(f"compress.stages.{STAGES[kind]}")


def parameters_class(kind: str) -> type[StageParameters]:
    """What a recipe may say about a stage of that kind."""
    cls: type[StageParameters] = stage_module(kind).Parameters
    return cls
