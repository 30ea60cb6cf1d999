"""Training on the labels and on the fine-tuned teacher: a new student, or what a cut has left."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.training.context import Context
from pocketbert.compress.training.distillation.alignment import Alignment
from pocketbert.compress.training.settings import Schedule

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor, nn
    from transformers import PreTrainedModel

    from pocketbert.compress.training.teacher import Teacher


class Distillation(Schedule):
    """Loss: `alpha` × cross-entropy + (1 - `alpha`) × T² × KL to the teacher at `temperature` T, and the alignments.

    `preset` names a recipe of the literature for aligning what lies between input and logits, `align` adds to it.
    Rows without labels are learnt from through the teacher alone.
    """

    temperature: float = Field(2.0, gt=0)
    alpha: float = Field(0.5, ge=0, le=1)
    preset: Literal["logits", "tinybert", "minilm"] = "logits"
    align: tuple[Alignment, ...] = ()
    learning_rate: float = Field(2e-4, gt=0)

    def check_vocabulary(self, own: "Tokenizer", teacher: "Tokenizer", token_level: bool, where: str) -> None:
        """Raise `BadInput`, which begins with `where`, if a student of other tokens shall learn token by token."""
        from pocketbert.compress.tasks.tokenizer import difference, same_vocabulary

        aligned = bool(self.align) or self.preset != "logits"
        if (token_level or aligned) and not same_vocabulary(own, teacher):
            what = "tagging labels" if token_level else "intermediate features align"
            raise BadInput(
                f"{where} has another vocabulary: {difference(own, teacher)}; {what} token by token, "
                'so both must cut alike; legal: a student with the same ids, or preset = "logits" for whole texts'
            )


def distil(student: "PreTrainedModel", context: Context, settings: Distillation, description: str) -> None:
    """Train `student` in place; `description` is what the progress bar says.

    Raises:
        BadInput: an alignment that these two models do not have, or token by token between two ways of cutting a text.
    """
    from pocketbert.compress.training.losses.distillation import distillation
    from pocketbert.compress.training.trainer import train

    teacher = context.teacher
    if teacher is None:
        raise ValueError("there is nobody to learn from")
    rows, trained, inputs = context.train, student, None
    columns = {} if settings.alpha == 1 else {"teacher_logits": teacher.logits()}
    if settings.align or settings.preset != "logits":
        trained, inputs = _aligned(student, context, settings, teacher)
    elif settings.alpha == 1:
        rows = context.labelled  # the others say nothing

    def loss(logits: "Tensor", batch: dict[str, Any], outputs: Any) -> "Tensor":
        soft = batch.get("teacher_logits", logits.detach())
        told = distillation(logits, soft, batch["labels"], settings.alpha, settings.temperature)
        alignment: Tensor = getattr(outputs, "alignment", told.new_zeros(()))
        return told + alignment

    history = train(trained, context, rows, settings, loss, description, student, columns=columns, inputs=inputs)
    if len(history) > 1:
        context.remarks.append(
            f"{context.task.metric} after each epoch: {', '.join(f'{value:.1%}' for value in history)}; the best stays"
        )
    once = teacher.asked + teacher.spared
    if (saved := once * settings.epochs - teacher.asked) > 0:
        context.remarks.append(
            f"the teacher answered {len(context.train.inputs):,} inputs once, {'' if teacher.asked else 'before, '}"
            f"in {once:.0f} s; asked in each of {settings.epochs} epochs it would have taken {saved:.0f} s more"
        )


def _aligned(
    student: "PreTrainedModel", context: Context, settings: Distillation, teacher: "Teacher"
) -> "tuple[nn.Module, Callable[[list[int]], dict[str, Any]]]":
    """The student with what its insides are held against, and what that is called with."""
    from pocketbert.compress.training.distillation.aligner import Aligned, Aligner
    from pocketbert.compress.training.distillation.alignment import check, terms

    ours, theirs = context.train.inputs, teacher.tokens.train.inputs
    if list(map(len, ours.sequences)) != list(map(len, theirs.sequences)):
        raise BadInput(
            "distill: student and teacher cut the texts differently, so nothing can be aligned token by token; "
            'legal: preset = "logits" without align, or a student with the teacher\'s tokenizer'
        )
    config = teacher.config()
    chosen = terms(settings.preset, settings.align, config.num_hidden_layers, student.config.num_hidden_layers)
    check(chosen, config, student.config)
    aligner = Aligner(chosen, config, student.config)
    features = teacher.features(aligner.teacher_keys)

    def inputs(numbers: list[int]) -> dict[str, Any]:
        return ours.tensors(numbers) | {"teacher": features.batch(numbers)}

    return Aligned(student, aligner), inputs
