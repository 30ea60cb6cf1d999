"""The context of a stage: rows, teacher and folders."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.tasks import Task
from pocketbert.compress.tasks.rows import Rows, Tokens

if TYPE_CHECKING:
    from pocketbert.compress.training.teacher import Teacher


@dataclass(frozen=True)
class Context:
    """The data, teacher and folders that a stage may use besides the model.

    Args:
        train: all training rows.
        labelled: the first training rows, which have labels.
        scratch: a folder for the stage alone, for checkpoints during training.
        tokenize: tokenizes the rows with another tokenizer file, once per tokenizer.
        teacher: gives the predictions of the fine-tuned teacher.
        teacher_macs: multiply-accumulates of the teacher's encoder at 128 tokens.
        tokenizer: the folder of the tokenizer of the model that the stage is given.
        new_tokenizer: the folder that a stage writes its tokenizer to if it changes the vocabulary.
        memo: results about the given model that all strengths of the stage share.
        remarks: sentences for the build record; the stage appends them.
    """

    task: Task
    train: Rows
    labelled: Rows
    validation: Rows
    seed: int
    scratch: Path
    progress: Progress
    tokenize: Callable[[Path], Tokens]
    teacher: "Teacher | None" = None
    teacher_macs: int = 0
    tokenizer: Path = Path()
    new_tokenizer: Path = Path()
    memo: dict[tuple[str, str], Any] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def retokenized(context: Context, tokenizer_file: Path) -> Context:
    """Return `context` with the same rows, tokenized by another tokenizer."""
    tokens = context.tokenize(tokenizer_file)
    return replace(context, train=tokens.train, labelled=tokens.labelled, validation=tokens.validation)
