"""Distil the teacher into a student of any make, or into the pruned model itself."""

from typing import TYPE_CHECKING, Literal

from compress.distillation import Distillation, distil
from compress.errors import BadInput
from compress.stages import Context, StageParameters
from compress.students import Student, build, own_tokenizer
from compress.students import evenly_spaced as evenly_spaced

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PretrainedConfig, PreTrainedModel


class Parameters(Distillation, StageParameters):
    """What is learnt: see `compress.distillation.Distillation`; by whom: see `compress.students.Student`."""

    kind: Literal["distill"] = "distill"
    student: Student

    def check(self, config: "PretrainedConfig") -> None:
        self.student.check(config)

    def check_tokenizer(self, tokenizer: "Tokenizer") -> None:
        own = own_tokenizer(self.student)
        if own is not None:
            _compare(own, tokenizer, self.student)


def run(model: "PreTrainedModel", context: Context, parameters: Parameters) -> "PreTrainedModel":
    """The student, trained on the labels and the teacher's logits; a tokenizer of its own goes to
    ``context.new_tokenizer``.

    Raises:
        BadInput: see `compress.students.build`.
    """
    from tokenizers import Tokenizer

    from compress.architectures import is_token_level
    from compress.sources import check_positions

    wanted = parameters.student
    student, tokenizer = build(wanted, model, context.task.labels, is_token_level(model), context.seed)
    if tokenizer is not None:
        check_positions(student.config, context.task.max_length, wanted.where)
        given = Tokenizer.from_file(str(context.tokenizer / "tokenizer.json"))
        _compare(tokenizer.backend_tokenizer, given, wanted)  # an earlier stage may have taken tokens away
        tokenizer.save_pretrained(context.new_tokenizer)
    layers = student.config.num_hidden_layers
    description = "recovering by distillation" if wanted.init == "current" else f"distilling into {layers} layers"
    distil(student, context, parameters, description)
    return student


def _compare(own: "Tokenizer", given: "Tokenizer", student: Student) -> None:
    """The rows are cut by the `given` tokenizer: their ids must mean to the student what they mean there."""
    from compress.vocabulary import difference, same_vocabulary

    if not same_vocabulary(own, given):
        raise BadInput(
            f"{student.where} has another vocabulary: {difference(own, given)}; legal: one with the same ids"
        )
