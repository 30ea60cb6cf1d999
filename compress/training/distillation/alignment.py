"""Which vectors inside the student learn from which inside the teacher, as data that a recipe can hold."""

from collections.abc import Sequence
from math import gcd
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.strict import Frozen
from pocketbert.compress.models.families import attention_heads, evenly_spaced
from pocketbert.compress.models.features import Key, Part, width

if TYPE_CHECKING:
    from transformers import PretrainedConfig

Feature = Literal["embedding", "hidden", "attention", "relation"]
Loss = Literal["mse", "cosine", "kl"]
Preset = Literal["logits", "tinybert", "minilm"]
LOSSES: dict[Feature, tuple[Loss, ...]] = {
    "embedding": ("mse", "cosine"),
    "hidden": ("mse", "cosine"),
    "attention": ("mse", "kl"),
    "relation": ("kl",),
}
"""What can be made small for each feature; the first is the default."""
_PARTS: dict[Feature, tuple[Part, ...]] = {
    "embedding": ("embedding",),
    "hidden": ("hidden",),
    "attention": ("query", "key"),
    "relation": ("query", "key", "value"),
}


class Alignment(Frozen):
    """One term of the loss: `weight` × `loss` between a `feature` of a `teacher` layer and of a `student` layer.

    Layers count from 0, bottom first; the hidden feature is a layer's output. There is one embedding, so it has no
    layers to name. Of attention the scores (``mse``) or their softmax (``kl``) are compared head by head; the relation
    compares how queries, keys and values resemble each other, and asks for no equal heads.
    """

    teacher: int = Field(default=0, ge=0)
    student: int = Field(default=0, ge=0)
    feature: Feature
    loss: Loss = Field(default_factory=lambda given: LOSSES[given["feature"]][0])
    weight: float = Field(default=1.0, gt=0)

    @field_validator("loss")
    @classmethod
    def _fits_the_feature(cls, value: Loss, info: ValidationInfo) -> Loss:
        feature: Feature | None = info.data.get("feature")
        if feature and value not in LOSSES[feature]:
            raise ValueError(f'feature = "{feature}" has no such loss; legal: {", ".join(LOSSES[feature])}')
        return value

    @model_validator(mode="after")
    def _names_its_layers(self) -> Self:
        if self.feature != "embedding" and not {"teacher", "student"} <= self.model_fields_set:
            raise ValueError(f'feature = "{self.feature}" wants both layers, teacher and student, counted from 0')
        return self

    @property
    def teacher_keys(self) -> tuple[Key, ...]:
        """The vectors of the teacher that it compares."""
        return _keys(self.feature, self.teacher)

    @property
    def student_keys(self) -> tuple[Key, ...]:
        """The vectors of the student that it compares, in the order of `teacher_keys`."""
        return _keys(self.feature, self.student)


def _keys(feature: Feature, layer: int) -> tuple[Key, ...]:
    return tuple(Key(part, 0 if part == "embedding" else layer) for part in _PARTS[feature])


def terms(
    preset: Preset, extra: Sequence[Alignment], teacher_layers: int, student_layers: int
) -> tuple[Alignment, ...]:
    """The terms of a preset, then `extra`.

    ``logits`` has none. ``tinybert`` aligns the embeddings, and the hidden states and attention of every student layer
    with the last teacher layer of each equal stretch (the uniform mapping of Jiao et al. 2020,
    https://arxiv.org/abs/1909.10351). ``minilm`` aligns the relations of the last layers; Wang et al. 2021
    (https://arxiv.org/abs/2012.15828) take a lower teacher layer where the teacher is large, which a term of its own
    says.

    Raises:
        BadInput: ``tinybert`` for a student with more layers than the teacher.
    """
    if preset == "logits":
        return tuple(extra)
    if preset == "minilm":
        return (Alignment(teacher=teacher_layers - 1, student=student_layers - 1, feature="relation"), *extra)
    if student_layers > teacher_layers:
        raise BadInput(
            f'the preset "tinybert" wants a teacher layer for each student layer: '
            f"the student has {student_layers} layers, the teacher {teacher_layers}"
        )
    features: tuple[Feature, ...] = ("hidden", "attention")
    layered = [
        Alignment(teacher=theirs, student=ours, feature=feature)
        for ours, theirs in enumerate(evenly_spaced(teacher_layers, student_layers))
        for feature in features
    ]
    return (Alignment(feature="embedding"), *layered, *extra)


def check(alignments: Sequence[Alignment], teacher: "PretrainedConfig", student: "PretrainedConfig") -> None:
    """Raise `BadInput` for a term that these two models cannot be compared by."""
    for term in alignments:
        if term.feature == "embedding":
            continue
        for who, layer, config in (("teacher", term.teacher, teacher), ("student", term.student, student)):
            _check_layer(term, who, layer, config)
        if term.feature == "attention":
            ours, theirs = attention_heads(student)[term.student], attention_heads(teacher)[term.teacher]
            if ours != theirs:
                raise BadInput(
                    f"attention is compared head by head: layer {term.student} of the student has {ours}, layer "
                    f'{term.teacher} of the teacher {theirs}; feature = "relation" asks for no equal heads'
                )


def _check_layer(term: Alignment, who: str, layer: int, config: "PretrainedConfig") -> None:
    if layer >= config.num_hidden_layers:
        raise BadInput(f"{term.feature}: the {who} has no layer {layer}; legal: 0 to {config.num_hidden_layers - 1}")
    if not all(width(config, key) for key in _keys(term.feature, layer)):
        raise BadInput(f"{term.feature}: layer {layer} of the {who} has lost all its heads, it has no attention")


def relation_heads(term: Alignment, teacher: "PretrainedConfig", student: "PretrainedConfig") -> int:
    """How many relation heads both layers are split into: as many as the teacher's layer has heads, or the largest
    smaller number that divides both widths.
    """
    heads = attention_heads(teacher)[term.teacher]
    shared = gcd(width(teacher, term.teacher_keys[0]), width(student, term.student_keys[0]))
    return max(number for number in range(1, heads + 1) if shared % number == 0)


def _heads(term: Alignment, teacher: "PretrainedConfig", student: "PretrainedConfig") -> int:
    """What the term splits its vectors into; 1 where it does not."""
    if term.feature == "relation":
        return relation_heads(term, teacher, student)
    return attention_heads(teacher)[term.teacher] if term.feature == "attention" else 1
