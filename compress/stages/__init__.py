"""Stages: model -> model. A new kind is one file here and its line in `STAGES`.

A stage writes into its scratch folder alone and prints nothing; `pocketbert.compress.pipeline` caches and judges.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, Self

from pocketbert.compress.base.strict import Frozen
from pocketbert.compress.training.context import Context

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PretrainedConfig, PreTrainedModel

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


class StageParameters(Frozen):
    """What every ``[[stage]]`` table has."""

    kind: str

    @property
    def strength(self) -> float | None:
        """The one number the guard may turn down, 0 (nothing happens) to 1; None where there is none."""
        return None

    def with_strength(self, strength: float) -> Self:
        """The same at another strength."""
        raise NotImplementedError(f"{self.kind} has no strength")

    def without_layer(self, layer: int) -> Self:
        """The same, but `layer` keeps all it has."""
        raise NotImplementedError(f"{self.kind} spares no layer")

    def strength_reached(self, macs: int, teacher: int) -> float:
        """The strength at which nothing would happen to a model whose encoder has `macs` of the `teacher`'s."""
        return 0.0

    def plug_ins(self) -> tuple[str, ...]:
        """Full names of the modules that the stage loads by a computed name, for its cache key."""
        return ()

    def external_source(self) -> str | None:
        """What comes from outside the build, a hub id or a folder; its content belongs to what the stage is made of."""
        return None

    def check_tokenizer(self, given: "Tokenizer", teacher: "Tokenizer", token_level: bool) -> None:
        """Raise `BadInput` for what cannot be done with the tokenizer of the model that it is given, or with the
        teacher's, before anything is trained.

        `token_level`: whether the task labels every word.
        """

    def tokenizer_after(self, given: "Tokenizer") -> "Tokenizer":
        """That of what it makes; what it leaves out of it cannot be told before."""
        return given

    def check(self, config: "PretrainedConfig") -> None:
        """Raise `BadInput` for what a model of this configuration cannot do, before anything is trained."""

    def config_after(self, config: "PretrainedConfig", teacher: "PretrainedConfig") -> "PretrainedConfig":
        """What it makes of a model of `config`, as far as that can be told before anything is trained.

        Raises:
            BadInput: something that cannot learn from the `teacher` as it is told to.
        """
        return config


class Stage(Protocol):
    """A module of this package."""

    Parameters: type[StageParameters]

    def run(self, model: "PreTrainedModel", context: Context, parameters: Any) -> "PreTrainedModel":
        """The model that comes out; `model` itself may be changed."""
        ...


def stage_module(kind: str) -> Any:
    """The module of a stage kind (its `Parameters` and `run`)."""
    return import_module(f"pocketbert.compress.stages.{STAGES[kind]}")


def parameters_class(kind: str) -> type[StageParameters]:
    """What a recipe may say about a stage of that kind."""
    cls: type[StageParameters] = stage_module(kind).Parameters
    return cls
