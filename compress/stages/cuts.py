"""Parameters and helpers that the pruning stages share: an explicit choice or a strength that the guard may lower."""

from collections.abc import Iterator
from math import ceil
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator

from pocketbert.compress.base.errors import BadInput, percent
from pocketbert.compress.models.sizes import encoder_macs
from pocketbert.compress.pruning.selection import Cut, Unit, cheapest
from pocketbert.compress.stages import StageParameters
from pocketbert.compress.training.context import Context
from pocketbert.compress.training.distillation.distil import Distillation, distil

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PretrainedConfig, PreTrainedModel

    from pocketbert.compress.pruning.importance import Scores

UnitsByLayer = dict[int, list[int]]


class RecoverableParameters(StageParameters):
    """Parameters of a stage that may `recover`: train the model it has changed, before the guard compares it."""

    recover: Distillation | None = None
    """Distillation that trains the changed model before the guard compares it, such as ``{ epochs = 2 }``."""

    @property
    def names_layers(self) -> bool:
        return bool(self.recover and self.recover.align)

    def plug_ins(self) -> tuple[str, ...]:
        return self.recover.loss_modules() if self.recover else ()

    def check_tokenizer(self, given: "Tokenizer", teacher: "Tokenizer", token_level: bool) -> None:
        if self.recover:
            self.recover.check_vocabulary(given, teacher, token_level, f"{self.kind}: recover: the model before it")

    def config_left(self, config: "PretrainedConfig") -> "PretrainedConfig":
        """Return the configuration after the change, as far as the recipe alone defines it."""
        return config

    def config_after(self, config: "PretrainedConfig", teacher: "PretrainedConfig") -> "PretrainedConfig":
        left = self.config_left(config)
        if self.recover:
            self.recover.alignments(teacher, left)
        return left


class CutParameters(RecoverableParameters):
    """Parameters of a pruning stage: exactly one of the explicit choice, `ratio` and `target_macs`."""

    explicit: ClassVar[str]
    at_most: ClassVar[str] = ""
    """The model after the largest cut of this kind, such as "without any head"."""

    ratio: float | None = Field(None, gt=0, lt=1)
    """Share to remove of the multiply-accumulates (MACs) that this stage could remove: 0.25 removes a quarter of its
    heads, neurons or layers."""
    target_macs: float | None = Field(None, gt=0, lt=1)
    """Share to keep of the fine-tuned teacher's encoder MACs (at 128 tokens), counted after this stage."""
    spare: tuple[int, ...] = ()
    """Numbers of the layers, counted from 0, that stay as they are; no other layer loses more instead."""

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        names = [*([self.explicit] if self.explicit else []), "ratio", "target_macs"]
        given = [name for name in names if getattr(self, name, None) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(names)}; found {' and '.join(given) or 'none'}")
        return self

    @property
    def names_layers(self) -> bool:
        return bool(self.explicit and getattr(self, self.explicit)) or super().names_layers

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

    def macs_to_remove(self, now: int, teacher: int, most: int) -> float:
        """Compute the MACs to remove from an encoder of `now` MACs; the stage can remove `most`.

        A target that an earlier stage should have brought within reach, but was undone, is approached.
        """
        if self.ratio is not None:
            return self.ratio * most
        return min(now - (self.target_macs or 0.0) * teacher, most)

    def most_macs(self, config: "PretrainedConfig") -> int:
        """Count the MACs that the stage can remove from an encoder of this configuration at most."""
        raise NotImplementedError

    def check_target(self, config: "PretrainedConfig", teacher: "PretrainedConfig") -> None:
        if self.target_macs is None:
            return
        least = encoder_macs(config) - self.most_macs(config)
        if least > self.target_macs * encoder_macs(teacher):
            share = ceil(1000 * least / encoder_macs(teacher)) / 1000
            raise BadInput(
                f"{self.kind}: cannot reach target_macs = {self.target_macs:g}: {self.at_most} {percent(share, 0)} of "
                f"the teacher's encoder MACs remain; use prune-width, or a target of {share} or more"
            )

    def check(self, config: "PretrainedConfig") -> None:
        from pocketbert.compress.models.families import family
        from pocketbert.compress.pruning.surgery import check_units

        try:
            family(config)
        except BadInput as error:
            raise BadInput(f"{self.kind}: {error}") from error
        check_units(self.kind, "unit", dict.fromkeys(self.spare, ()), [1] * config.num_hidden_layers)


class ScoredParameters(CutParameters):
    """Parameters of pruning by importance scores (`pocketbert.compress.pruning.importance`), which are computed on
    `calibration_rows` labelled training examples.
    """

    importance: Literal["taylor", "fisher", "magnitude", "random"] = "fisher"
    """How heads and neurons are scored; those with the lowest scores are removed."""
    calibration_rows: int = Field(512, ge=1)
    """Number of labelled training examples on which the scores are computed: the first ones, or evenly spaced ones if
    these lack a label."""


def check_attention(parameters: RecoverableParameters, config: "PretrainedConfig", teacher: "PretrainedConfig") -> None:
    """Refuse a recovery that compares the attention of every layer head by head, although some layer loses heads.

    Raises:
        BadInput: it does.
    """
    found = parameters.recover.alignments(teacher, config) if parameters.recover else ()
    layers = {term.student for term in found if term.feature == "attention"}
    if len(layers) == config.num_hidden_layers:
        raise BadInput(
            f"{parameters.kind}: recover compares the attention of each layer head by head, but layers lose heads; "
            'use preset = "minilm" or "logits"'
        )


def unit_scores(model: "PreTrainedModel", context: Context, parameters: ScoredParameters) -> "Scores":
    """Score heads and neurons once for all strengths: the context's memo keeps the result."""
    from pocketbert.compress.pruning.importance import importance

    method, rows = parameters.importance, parameters.calibration_rows
    key = ("importance", method)
    if key not in context.memo:
        context.memo[key] = importance(model, context.labelled.sample(rows), method, context.seed, context.progress)
    scores: Scores = context.memo[key]
    return scores


def cheapest_cut(
    model: "PreTrainedModel", context: Context, parameters: ScoredParameters, units: Iterator[Unit]
) -> Cut:
    """Choose the least important of all `units` that the stage can remove; layers in `spare` keep theirs."""
    most = parameters.most_macs(model.config)
    macs = parameters.macs_to_remove(encoder_macs(model.config), context.teacher_macs, most)
    return cheapest(units, macs).without_layers(parameters.spare)


def recovered(cut: "PreTrainedModel", context: Context, parameters: RecoverableParameters) -> "PreTrainedModel":
    """Return `cut`, trained if the recipe has `recover`."""
    if parameters.recover:
        distil(cut, context, parameters.recover, f"{parameters.kind}: recovering")
    return cut
