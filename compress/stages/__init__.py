"""Stages: model -> model. A new kind is one file here and its line in `STAGES`.

A stage writes into its scratch folder alone and prints nothing; cache, guard and record are `compress.pipeline`'s.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from compress.progress import Progress
from compress.tasks import Task

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

STAGES = {"finetune": "finetune", "prune-heads": "prune_heads", "distill": "distill"}
"""Kind -> module here. Each module has `Parameters` (what a recipe may say) and `run`."""


class StageParameters(BaseModel):
    """What every ``[[stage]]`` table has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str

    def check(self, config: "PretrainedConfig") -> None:
        """Raise `BadInput` for what a model of the teacher's configuration cannot do, before anything is trained."""


@dataclass(frozen=True)
class Rows:
    """One split, tokenized: ids of each text (special tokens included, cut at the task's length) and gold labels."""

    sequences: list[list[int]]
    labels: list[int]


@dataclass(frozen=True)
class Context:
    """What a stage may use beside the model it is given.

    `teacher_logits` gives the fine-tuned teacher's logits on the training rows, (rows, labels); they are computed at
    the first call of a build and kept. `scratch` is a folder of the stage's own, for checkpoints inside training.
    """

    task: Task
    train: Rows
    validation: Rows
    padding: int
    seed: int
    scratch: Path
    progress: Progress
    teacher_logits: Callable[[], NDArray[np.float32]]


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
