"""Distillation: training on labels and on the fine-tuned teacher, for a new student or a pruned model."""

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.training.context import Context
from pocketbert.compress.training.distillation.alignment import Alignment, Preset, check, terms
from pocketbert.compress.training.settings import Schedule

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor, nn
    from transformers import PretrainedConfig, PreTrainedModel

    from pocketbert.compress.training.teacher import Teacher
    from pocketbert.compress.training.trainer import BatchOf


class Distillation(Schedule):
    """Loss: `alpha` × cross-entropy + (1 - `alpha`) × T² × KL to the teacher at `temperature` T, and the alignments.

    Examples without labels contribute the teacher's part alone.
    """

    temperature: float = Field(2.0, ge=0.01, le=1000)
    """Temperature of the soft targets: higher values make the teacher's probabilities more equal."""
    alpha: float = Field(0.5, ge=0, le=1)
    """Weight of the hard labels; the teacher's logits have the weight 1 - alpha. Some papers define it the other way
    round."""
    preset: Preset = "logits"
    """Which vectors of student and teacher are aligned. ``logits``: none. ``tinybert`` and ``minilm``: as in these
    papers."""
    align: tuple[Alignment, ...] = ()
    """Further terms of the loss, such as ``[{ feature = "hidden", teacher = 11, student = 3 }]``."""
    learning_rate: float = Field(2e-4, gt=0)
    """Highest learning rate of AdamW: it rises during the first tenth of the training, then falls to 0."""
    fake_quant: Literal["int8", "int4"] | None = None
    """Precision that the second half of the training rounds weights to, and activations to 8 bits, in its forward pass:
    the weights learn to bear the rounding of such a file. The result is a float model with the rounded weights."""

    @property
    def aligned(self) -> bool:
        """Whether anything besides the logits is compared."""
        return bool(self.align) or self.preset != "logits"

    def loss_modules(self) -> tuple[str, ...]:
        """Return the full names of the modules of the alignment losses, which are loaded by name."""
        return tuple(dict.fromkeys(term.loss_module for term in terms(self.preset, self.align, 1, 1)))

    def alignments(self, teacher: "PretrainedConfig", student: "PretrainedConfig") -> tuple[Alignment, ...]:
        """Return all alignment terms for these two models; raises as `terms` and `check` of an alignment."""
        chosen = terms(self.preset, self.align, teacher.num_hidden_layers, student.num_hidden_layers)
        check(chosen, teacher, student)
        return chosen

    def check_vocabulary(self, own: "Tokenizer", teacher: "Tokenizer", token_level: bool, where: str) -> None:
        """Raise `BadInput`, beginning with `where`, if a student that learns token by token has other token ids."""
        from pocketbert.compress.tasks.tokenizer import difference, same_tokens

        if (token_level or self.aligned) and not same_tokens(own, teacher):
            what = "tagging compares" if token_level else "preset and align compare"
            whole = "" if token_level else ', or preset = "logits" without align'
            raise BadInput(
                f"{where} has another tokenizer: {difference(own, teacher)}; {what} student and teacher token by "
                f"token; use a student with the same tokens{whole}"
            )


def distil(student: "PreTrainedModel", context: Context, settings: Distillation, description: str) -> None:
    """Train `student` in place; the progress bar shows `description`.

    Raises:
        BadInput: an alignment that the two models do not allow, or token by token between two tokenizations.
    """
    from pocketbert.compress.training.forward.fake_quant import START, fake_quantized, round_weights
    from pocketbert.compress.training.losses.distillation import distillation
    from pocketbert.compress.training.trainer import Examples, told, train

    teacher = context.teacher
    if teacher is None:
        raise ValueError("distillation needs a teacher")
    rows, trained, batch_of = context.train, student, None
    if settings.aligned:  # first: what cannot be aligned is refused before the teacher's predictions
        trained, batch_of = _aligned(student, context, settings, teacher, description)
    elif settings.alpha == 1:
        rows = context.labelled  # the others would contribute nothing
    columns = {} if settings.alpha == 1 else {"teacher_logits": teacher.logits()}

    def loss(logits: "Tensor", batch: dict[str, Any], outputs: Any) -> "Tensor":
        soft = batch.get("teacher_logits", logits.detach())
        combined = distillation(logits, soft, batch["labels"], settings.alpha, settings.temperature)
        alignment: Tensor = getattr(outputs, "alignment", combined.new_zeros(()))
        return combined + alignment

    examples = Examples(rows, columns, batch_of)
    with fake_quantized(student, settings.fake_quant) if settings.fake_quant else nullcontext() as rounding:
        callbacks, since = ([rounding], START) if rounding else ([], 0.0)
        history = train(
            trained,
            context,
            examples,
            settings,
            loss,
            description,
            student,
            callbacks=callbacks,
            patient_from=since,
        )
    if settings.fake_quant:
        round_weights(student, settings.fake_quant)
    if len(history) > 1:
        context.remarks.append(told(context.task.metric, history, settings))
    once, epochs = teacher.seconds_computing + teacher.seconds_cached, max(1, len(history))
    if (saved := once * epochs - teacher.seconds_computing) > 0:
        context.remarks.append(
            f"the teacher ran inference on {len(context.train.inputs):,} inputs once, "
            f"{'' if teacher.seconds_computing else 'before, '}in {once:.0f} s; the cached predictions "
            f"saved {saved:.0f} s"
        )


def _aligned(
    student: "PreTrainedModel", context: Context, settings: Distillation, teacher: "Teacher", description: str
) -> "tuple[nn.Module, BatchOf]":
    """The student with its aligner, and the function that makes its batches."""
    from pocketbert.compress.training.distillation.aligner import Aligned, Aligner

    ours, theirs = context.train.inputs, teacher.tokens.train.inputs
    if list(map(len, ours.sequences)) != list(map(len, theirs.sequences)):
        raise BadInput(
            "distill: student and teacher tokenize the texts differently, so their layers cannot be aligned token by "
            'token; use preset = "logits" without align, or a student with the teacher\'s tokenizer'
        )
    config = teacher.config()
    try:
        alignments = settings.alignments(config, student.config)
    except BadInput as error:
        raise BadInput(f"{description}: {error}") from error
    aligner = Aligner(alignments, config, student.config)
    features = teacher.features(aligner.teacher_keys)
    return Aligned(student, aligner), lambda indices: ours.tensors(indices) | {"teacher": features.batch(indices)}
