"""Distillation of the teacher into a student of any architecture, or into the pruned model itself."""

from typing import TYPE_CHECKING, Literal

from pocketbert.compress.base.errors import BadInput, percent
from pocketbert.compress.stages import StageParameters
from pocketbert.compress.training.context import Context
from pocketbert.compress.training.distillation.distil import Distillation, distil
from pocketbert.compress.training.distillation.student import Student, build, own_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PretrainedConfig, PreTrainedModel


class Parameters(Distillation, StageParameters):
    """A `Distillation` (the losses) and the `Student` that is trained with it."""

    kind: Literal["distill"] = "distill"
    """Selects this stage."""
    student: Student
    """The model to train, such as ``{ layers = 4 }``."""

    def check(self, config: "PretrainedConfig") -> None:
        if self.student.architecture == "static" and self.aligned:
            raise BadInput('distill: a static student has no layers to align; use preset = "logits" without align')
        self.student.check(config)

    def config_after(self, config: "PretrainedConfig", teacher: "PretrainedConfig") -> "PretrainedConfig":
        student = self.student.config_after(config)
        self.alignments(teacher, student)
        return student

    @property
    def names_layers(self) -> bool:
        return isinstance(self.student.layers, tuple)

    def plug_ins(self) -> tuple[str, ...]:
        return self.loss_modules()

    def external_source(self) -> str | None:
        return self.student.init if self.student.pretrained else None

    def check_tokenizer(self, given: "Tokenizer", teacher: "Tokenizer", token_level: bool) -> None:
        if self.student.architecture == "static" and token_level:
            raise BadInput(
                "distill: a static student predicts one label per text, and tagging needs one per word; use layers"
            )
        own = own_tokenizer(self.student) or given
        self.check_vocabulary(own, teacher, token_level, self.student.where)

    def tokenizer_after(self, given: "Tokenizer") -> "Tokenizer":
        return own_tokenizer(self.student) or given


def run(model: "PreTrainedModel", context: Context, parameters: Parameters) -> "PreTrainedModel":
    """Return the student, trained on the labels and on the teacher's outputs.

    If the student has a vocabulary of its own, its tokenizer is written to ``context.new_tokenizer``.

    Raises:
        BadInput: the student cannot be built (see `build`) or trained (see `distil`).
    """
    from tokenizers import Tokenizer

    from pocketbert.compress.models.checks import check_positions, check_types
    from pocketbert.compress.tasks.tokenizer import one_piece_per_character, same_tokens

    wanted, task = parameters.student, context.task
    separator = _separator(context) if wanted.architecture == "static" else None
    student, tokenizer = build(wanted, model, task.labels, task.token_level, context.seed, separator)
    if tokenizer is not None:
        if task.token_level:
            one_piece_per_character(tokenizer.backend_tokenizer)
        check_positions(student.config, task.max_length, wanted.where)
        given = Tokenizer.from_file(str(context.tokenizer / "tokenizer.json"))
        if not same_tokens(tokenizer.backend_tokenizer, given):  # the teacher's, perhaps pruned by a stage
            tokenizer.save_pretrained(context.new_tokenizer)
            context = in_its_own_tokens(context)
    check_types(context.train.inputs.types is not None, student.config, wanted.where)
    into = f"{layers} layers" if (layers := student.config.num_hidden_layers) else "a static model"
    description = "recovering by distillation" if wanted.init == "current" else f"distilling into {into}"
    distil(student, context, parameters, description)
    return student


def _separator(context: Context) -> int | None:
    """Return the id of the token between the two texts of a pair; None if a row is one text.

    Raises:
        BadInput: nothing separates the two texts.
    """
    from pocketbert.compress.tasks.tokenizer import load_tokenizer, separator_id

    if len(context.task.columns) < 2:
        return None
    found = separator_id(load_tokenizer(context.tokenizer / "tokenizer.json"))
    if found is None:
        raise BadInput(
            "distill: a static student cannot tell the two texts of a pair apart, because the tokenizer puts no token "
            "between them; use layers"
        )
    return found


def in_its_own_tokens(context: Context) -> Context:
    """Return `context` with its texts tokenized by the student; add a remark on the share of unknown tokens."""
    from pocketbert.compress.tasks.inputs import longer_texts
    from pocketbert.compress.tasks.tokenizer import load_tokenizer, unknown_share
    from pocketbert.compress.training.context import retokenized

    file = context.new_tokenizer / "tokenizer.json"
    tokenizer = load_tokenizer(file)
    unknown = unknown_share(tokenizer, context.task.texts(context.validation.columns))
    context.remarks.append(
        f"the student reads the same texts in tokens of its own, {tokenizer.get_vocab_size():,} of them; "
        f"{percent(unknown)} of what it reads in the validation texts is unknown to it"
    )
    own = retokenized(context, file)
    read = {"training": own.train.inputs, "validation": own.validation.inputs}
    context.remarks.extend(f"by the student, {words}" for words in longer_texts(read, context.task.max_length))
    return own
