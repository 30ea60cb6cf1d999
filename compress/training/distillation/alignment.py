"""The terms of an alignment: which vectors of the student learn from which vectors of the teacher.

Loads no torch: a recipe is checked before anything heavy is imported.
"""

from collections.abc import Sequence
from math import gcd
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.strict import Frozen
from pocketbert.compress.models.families import attention_heads, evenly_spaced
from pocketbert.compress.training.features import Key, Part, width
from pocketbert.compress.training.losses import Feature, losses_of

if TYPE_CHECKING:
    from transformers import PretrainedConfig

Preset = Literal["logits", "tinybert", "minilm"]
PRESETS = {
    "logits": "Aligns no layers: the student learns from the labels and from the teacher's logits.",
    "tinybert": "Aligns the embeddings, and the hidden states and attention of every student layer with the last "
    "teacher layer of each equal stretch (the uniform mapping of Jiao et al. 2020, https://arxiv.org/abs/1909.10351).",
    "minilm": "Aligns the relations of the last layers (Wang et al. 2021, https://arxiv.org/abs/2012.15828, take a "
    "lower layer of a large teacher; a term in `align` can name that layer).",
}
"""What each preset aligns."""
_PARTS: dict[Feature, tuple[Part, ...]] = {
    "embedding": ("embedding",),
    "hidden": ("hidden",),
    "attention": ("query", "key"),
    "relation": ("query", "key", "value"),
}


class Alignment(Frozen):
    """One term of the loss: `weight` × `loss` between a `feature` of a `teacher` layer and of a `student` layer.

    Layers count from 0, bottom first; the hidden feature is a layer's output. The embedding has no layers to name.
    Attention is compared head by head, before its softmax (``mse``) or after it (``kl``). The relation compares the
    similarities between queries, keys and values of a layer; it needs no equal numbers of heads.
    """

    teacher: int = Field(default=0, ge=0)
    """Number of the teacher's layer, counted from 0."""
    student: int = Field(default=0, ge=0)
    """Number of the student's layer, counted from 0."""
    feature: Feature
    """What is compared: the embedding output, a layer's output (hidden), its attention head by head, or the
    similarities between its queries, keys and values (relation)."""
    # Pydantic 2.11 calls the factory although the feature was refused.
    loss: str = Field(default_factory=lambda given: next(iter(losses_of(given.get("feature"))), ""))
    """Loss between the two; `pocketbert list losses` says which ones a feature has. The default is its first one."""
    weight: float = Field(default=1.0, gt=0, le=1_000_000)
    """Factor of this term in the whole loss."""

    @field_validator("loss")
    @classmethod
    def _fits_the_feature(cls, value: str, info: ValidationInfo) -> str:
        feature: Feature | None = info.data.get("feature")
        if feature and value not in (allowed := losses_of(feature)):
            raise ValueError(f'not a loss of feature = "{feature}"; allowed: {", ".join(allowed)}')
        return value

    @model_validator(mode="after")
    def _names_its_layers(self) -> Self:
        if self.feature != "embedding" and not {"teacher", "student"} <= self.model_fields_set:
            raise ValueError(f'feature = "{self.feature}" needs two layers, teacher and student, counted from 0')
        return self

    @property
    def teacher_keys(self) -> tuple[Key, ...]:
        """The vectors of the teacher that this term compares."""
        return _keys(self.feature, self.teacher)

    @property
    def student_keys(self) -> tuple[Key, ...]:
        """The vectors of the student that this term compares, in the order of `teacher_keys`."""
        return _keys(self.feature, self.student)

    @property
    def loss_module(self) -> str:
        """The full name of the module that has the loss."""
        return losses_of(self.feature)[self.loss]

    def heads(self, teacher: "PretrainedConfig", student: "PretrainedConfig") -> int:
        """Return the number of heads that the vectors are split into; 1 for embeddings and hidden states.

        A relation is split into as many heads as the teacher's layer has, or into the largest smaller number that
        divides both widths.
        """
        if self.feature in ("embedding", "hidden"):
            return 1
        heads = attention_heads(teacher)[self.teacher]
        if self.feature == "attention":
            return heads
        shared = gcd(width(teacher, self.teacher_keys[0]), width(student, self.student_keys[0]))
        return max(number for number in range(1, heads + 1) if shared % number == 0)


def _keys(feature: Feature, layer: int) -> tuple[Key, ...]:
    return tuple(Key(part, 0 if part == "embedding" else layer) for part in _PARTS[feature])


def terms(
    preset: Preset, extra: Sequence[Alignment], teacher_layers: int, student_layers: int
) -> tuple[Alignment, ...]:
    """Return the terms of a preset (`PRESETS`), then `extra`.

    Raises:
        BadInput: a preset that aligns layers, for a model without layers; ``tinybert`` for a student with more layers
            than the teacher.
    """
    if preset == "logits":
        return tuple(extra)
    if not (teacher_layers and student_layers):
        raise BadInput(f'preset = "{preset}" aligns layers, and a static model has none; use preset = "logits"')
    if preset == "minilm":
        return (Alignment(teacher=teacher_layers - 1, student=student_layers - 1, feature="relation"), *extra)
    if student_layers > teacher_layers:
        raise BadInput(
            f'preset = "tinybert" needs a teacher layer for each student layer: the student has {student_layers} '
            f"layers, the teacher {teacher_layers}; use fewer student layers or another preset"
        )
    features: tuple[Feature, ...] = ("hidden", "attention")
    layered = [
        Alignment(teacher=theirs, student=ours, feature=feature)
        for ours, theirs in enumerate(evenly_spaced(teacher_layers, student_layers))
        for feature in features
    ]
    return (Alignment(feature="embedding"), *layered, *extra)


def check(alignments: Sequence[Alignment], teacher: "PretrainedConfig", student: "PretrainedConfig") -> None:
    """Check that both models have the layers and heads of every term.

    Raises:
        BadInput: a layer that a model does not have, or attention of unequal numbers of heads.
    """
    for term in alignments:
        if term.feature == "embedding":
            continue
        for who, layer, config in (("teacher", term.teacher, teacher), ("student", term.student, student)):
            _check_layer(term, who, layer, config)
        if term.feature == "attention":
            ours, theirs = attention_heads(student)[term.student], attention_heads(teacher)[term.teacher]
            if ours != theirs:
                raise BadInput(
                    f"attention: layer {term.student} of the student has {ours} heads, layer {term.teacher} of the "
                    f'teacher {theirs}, and heads are compared one by one; use feature = "relation"'
                )


def _check_layer(term: Alignment, who: str, layer: int, config: "PretrainedConfig") -> None:
    last = config.num_hidden_layers - 1
    if layer > last:
        raise BadInput(f"{term.feature}: the {who} has no layer {layer}; allowed: 0 to {last}")
    if not all(width(config, key) for key in _keys(term.feature, layer)):
        raise BadInput(f"{term.feature}: layer {layer} of the {who} has no attention heads left; align another layer")
