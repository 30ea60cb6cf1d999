"""Stages: model -> model. A new kind is one file here; the kind is the module's name with hyphens.

A stage writes only into its scratch folder and prints nothing; `pocketbert.compress.pipeline` caches its result and
compares it with the teacher.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Protocol, Self

from pocketbert.compress.base.strict import Frozen
from pocketbert.compress.training.context import Context

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PretrainedConfig, PreTrainedModel

_SHARED = "cuts"
"""The one module here that is no stage."""
_ORDER = ("finetune", "prune-heads", "prune-ffn", "prune-width", "prune-layers", "prune-vocab", "distill", "sparsify")
"""The order in which messages list the kinds. A kind that is missing here comes last."""


class StageParameters(Frozen):
    """The keys that every ``[[stage]]`` table has."""

    kind: str
    """Kind of the stage; `pocketbert list stages` names them all."""

    @property
    def strength(self) -> float | None:
        """The number that the guard may lower, from 0 (no effect) to 1; None if the stage has none."""
        return None

    def with_strength(self, strength: float) -> Self:
        """Return a copy at another strength."""
        raise NotImplementedError(f"{self.kind} has no strength")

    def without_layer(self, layer: int) -> Self:
        """Return a copy that leaves `layer` whole."""
        raise NotImplementedError(f"{self.kind} cannot leave a layer whole")

    @property
    def names_layers(self) -> bool:
        """Whether the recipe names layers of the model that the stage is given, by their numbers."""
        return False

    def strength_reached(self, macs: int, teacher: int) -> float:
        """Return the smallest useful strength: at or below it a model with `macs` MACs in its encoder already meets the
        target, which is a share of the `teacher`'s.
        """
        return 0.0

    def plug_ins(self) -> tuple[str, ...]:
        """Return the full names of the modules that the stage loads by a computed name, for its cache key."""
        return ()

    def external_source(self) -> str | None:
        """Return the hub id or folder outside the build whose content the stage depends on, or None."""
        return None

    def check_tokenizer(self, given: "Tokenizer", teacher: "Tokenizer", token_level: bool) -> None:
        """Raise `BadInput`, before anything is trained, if the stage cannot work with the tokenizer of the model it is
        `given`, or with the `teacher`'s. `token_level`: the task labels every word.
        """

    def tokenizer_after(self, given: "Tokenizer") -> "Tokenizer":
        """Return the tokenizer of the model this stage returns. Tokens it will prune are not known yet."""
        return given

    def check(self, config: "PretrainedConfig") -> None:
        """Raise `BadInput` if the stage cannot work on a model of this configuration, before anything is trained."""

    def check_target(self, config: "PretrainedConfig", teacher: "PretrainedConfig") -> None:
        """Raise `BadInput`, before anything is trained, if the stage cannot make a model of exactly this configuration
        as small as the recipe asks; sizes count against the `teacher`'s.
        """

    def config_after(self, config: "PretrainedConfig", teacher: "PretrainedConfig") -> "PretrainedConfig":
        """Return the configuration of the model this stage will return, as far as it is known before training.

        Raises:
            BadInput: such a model cannot learn from the `teacher` as the recipe says.
        """
        return config


class Stage(Protocol):
    """A module here. A stage that prunes layer by layer also has ``costliest(model, context, parameters)``, which
    returns the layer that the guard restores first, or None. A stage that cuts the same at several strengths has
    ``cut_of(model, context, parameters)``, which returns what is cut.
    """

    __name__: str
    Parameters: type[StageParameters]

    def run(self, model: "PreTrainedModel", context: Context, parameters: Any) -> "PreTrainedModel":
        """Return the new model; `model` itself may be changed."""
        ...


def stage_kinds() -> dict[str, str]:
    """Find the kinds of stages: kind -> name of its module here."""
    found = {name.replace("_", "-"): name for _, name, _ in iter_modules(__path__) if name != _SHARED}
    return {kind: found[kind] for kind in sorted(found, key=lambda kind: (*_ORDER, kind).index(kind))}


def stage_module(kind: str) -> Stage:
    """Load the module of a kind of stage."""
    module: Stage = import_module(f"{__name__}.{stage_kinds()[kind]}")
    return module
