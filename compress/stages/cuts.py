"""What stages that cut have in common: an explicit choice or a strength, and how the guard turns the strength down."""

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.stages import StageParameters
from pocketbert.compress.training.context import Context
from pocketbert.compress.training.distillation.distil import Distillation, distil

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PretrainedConfig, PreTrainedModel

    from pocketbert.compress.pruning.importance import Scores

UnitsByLayer = dict[int, list[int]]


class RecoverableParameters(StageParameters):
    """`recover` trains what the stage has left, before the guard looks."""

    recover: Distillation | None = None

    def check_tokenizer(self, given: "Tokenizer", teacher: "Tokenizer", token_level: bool) -> None:
        if self.recover:
            self.recover.check_vocabulary(given, teacher, token_level, f"{self.kind}: recover: the model before it")

    def config_left(self, config: "PretrainedConfig") -> "PretrainedConfig":
        """The configuration of what is left, as far as the recipe alone says."""
        return config

    def config_after(self, config: "PretrainedConfig", teacher: "PretrainedConfig") -> "PretrainedConfig":
        from pocketbert.compress.training.distillation.alignment import check, terms

        left = self.config_left(config)
        if self.recover:
            layers = teacher.num_hidden_layers, left.num_hidden_layers
            check(terms(self.recover.preset, self.recover.align, *layers), teacher, left)
        return left


class CutParameters(RecoverableParameters):
    """Exactly one of the explicit choice, `ratio` and `target_macs`.

    `ratio` is the share that goes of what the stage cuts. `target_macs` is what shall be left of the fine-tuned
    teacher's encoder multiply-accumulates (at 128 tokens), as a fraction. The layers in `spare` are given back what the
    choice takes from them; nothing else goes in their place.
    """

    explicit: ClassVar[str]

    ratio: float | None = Field(None, gt=0, lt=1)
    target_macs: float | None = Field(None, gt=0, lt=1)
    spare: tuple[int, ...] = ()

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        names = [*([self.explicit] if self.explicit else []), "ratio", "target_macs"]
        given = [name for name in names if getattr(self, name, None) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"give exactly one of {', '.join(names)}, not {found}")
        return self

    @property
    def strength(self) -> float | None:
        if self.ratio is not None:
            return self.ratio
        return None if self.target_macs is None else round(1 - self.target_macs, 6)

    def with_strength(self, strength: float) -> Self:
        if self.ratio is not None:
            return self.model_copy(update={"ratio": strength})
        return self.model_copy(update={"target_macs": round(1 - strength, 6)})

    def strength_reached(self, macs: int, teacher: int) -> float:
        return 0.0 if self.target_macs is None else max(0.0, 1 - macs / teacher)

    def without_layer(self, layer: int) -> Self:
        return self.model_copy(update={"spare": (*self.spare, layer)})

    def needed_macs(self, now: int, teacher: int, most: int) -> float:
        """The MACs that have to go from an encoder of `now`, where `most` is what the stage can take.

        Raises:
            BadInput: the target cannot be reached by what the stage cuts.
        """
        if self.ratio is not None:
            return self.ratio * most
        needed = now - (self.target_macs or 0.0) * teacher
        if needed > most:
            least = (now - most) / teacher
            raise BadInput(f"{self.kind}: target_macs is {self.target_macs:g}; legal here: {least:.3f} to 1")
        return needed

    def check(self, config: "PretrainedConfig") -> None:
        from pocketbert.compress.models.families import family
        from pocketbert.compress.pruning.surgery import check_units

        try:
            family(config)
        except BadInput as error:
            raise BadInput(f"{self.kind}: {error}") from error
        check_units(self.kind, "unit", dict.fromkeys(self.spare, ()), [1] * config.num_hidden_layers)


class ScoredParameters(CutParameters):
    """A cut by importance scores (`pocketbert.compress.pruning.importance`) over the first `calibration_rows` rows."""

    importance: Literal["taylor", "fisher", "magnitude", "random"] = "fisher"
    calibration_rows: int = Field(512, ge=1)


def unit_scores(model: "PreTrainedModel", context: Context, parameters: ScoredParameters) -> "Scores":
    """Score heads and neurons once for all strengths at which the stage is tried.

    Like `pocketbert.compress.pruning.importance.importance`, but the result is kept in the context's memo.
    """
    from pocketbert.compress.pruning.importance import importance

    method, rows = parameters.importance, parameters.calibration_rows
    key = ("importance", method)
    if key not in context.memo:
        context.memo[key] = importance(model, context.labelled.first(rows), method, context.seed, context.progress)
    scores: Scores = context.memo[key]
    return scores


def recovered(cut: "PreTrainedModel", context: Context, parameters: RecoverableParameters) -> "PreTrainedModel":
    """What a stage that cuts returns: `cut`, trained where the recipe says so."""
    if parameters.recover:
        distil(cut, context, parameters.recover, f"{parameters.kind}: recovering")
    return cut
