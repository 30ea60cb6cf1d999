"""Distil the teacher into a student of any make, or into the pruned model itself."""

from typing import TYPE_CHECKING, Literal

from compress.distillation import Distillation, distil
from compress.stages import Context, StageParameters
from compress.students import Student, build, own_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PretrainedConfig, PreTrainedModel


class Parameters(Distillation, StageParameters):
    """What is learnt: see `compress.distillation.Distillation`; by whom: see `compress.students.Student`."""

    kind: Literal["distill"] = "distill"
    student: Student

    def check(self, config: "PretrainedConfig") -> None:
        self.student.check(config)

    def leaves(self, config: "PretrainedConfig", teacher: "PretrainedConfig") -> "PretrainedConfig":
        from compress.alignment import check, terms

        student = self.student.leaves(config)
        check(terms(self.preset, self.align, teacher.num_hidden_layers, student.num_hidden_layers), teacher, student)
        return student

    def outside(self) -> str | None:
        return self.student.init if self.student.pretrained else None

    def check_tokenizer(self, given: "Tokenizer", teacher: "Tokenizer", token_level: bool) -> None:
        own = own_tokenizer(self.student) or given
        self.check_vocabulary(own, teacher, token_level, self.student.where)

    def leaves_tokenizer(self, given: "Tokenizer") -> "Tokenizer":
        return own_tokenizer(self.student) or given


def run(model: "PreTrainedModel", context: Context, parameters: Parameters) -> "PreTrainedModel":
    """The student, trained on the labels and what the teacher says; a tokenizer of its own goes to
    ``context.new_tokenizer``.

    Raises:
        BadInput: see `compress.students.build` and `compress.distillation.distil`.
    """
    from tokenizers import Tokenizer

    from compress.sources.checks import check_positions, check_types
    from compress.tasks.tagging import one_piece_per_character
    from compress.vocabulary import same_vocabulary

    wanted, task = parameters.student, context.task
    student, tokenizer = build(wanted, model, task.labels, task.token_level, context.seed)
    if tokenizer is not None:
        if task.token_level:
            one_piece_per_character(tokenizer.backend_tokenizer)
        check_positions(student.config, task.max_length, wanted.where)
        given = Tokenizer.from_file(str(context.tokenizer / "tokenizer.json"))
        if not same_vocabulary(tokenizer.backend_tokenizer, given):  # the teacher's, or what a stage has left of it
            tokenizer.save_pretrained(context.new_tokenizer)
            context = in_its_own_tokens(context)
    check_types(context.train.inputs, student.config, wanted.where)
    layers = student.config.num_hidden_layers
    description = "recovering by distillation" if wanted.init == "current" else f"distilling into {layers} layers"
    distil(student, context, parameters, description)
    return student


def in_its_own_tokens(context: Context) -> Context:
    """The same texts as the student's own tokenizer cuts them, and a word about how many tokens it does not know."""
    from compress.data import longer_texts, retokenized
    from compress.tasks.encoding import load_tokenizer
    from compress.vocabulary import unknown_share

    file = context.new_tokenizer / "tokenizer.json"
    tokenizer = load_tokenizer(file)
    unknown = unknown_share(tokenizer, context.task.texts(context.validation.columns))
    context.remarks.append(
        f"the student reads the same texts in tokens of its own, {tokenizer.get_vocab_size():,} of them; "
        f"{unknown:.1%} of what it reads in the validation texts is unknown to it"
    )
    own = retokenized(context, file)
    read = {"training": own.train.inputs, "validation": own.validation.inputs}
    context.remarks.extend(f"by the student, {words}" for words in longer_texts(read, context.task.max_length))
    return own
