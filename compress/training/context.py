"""What a stage may use besides the model that it is given."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.tasks import Task
from pocketbert.compress.tasks.rows import Rows
from pocketbert.compress.tasks.tokenizer import load_tokenizer

if TYPE_CHECKING:
    from pocketbert.compress.training.teacher import Teacher


@dataclass(frozen=True)
class Context:
    """What a stage may use beside the model it is given.

    `train` are all training rows, `labelled` those of them (the first) that have labels. `teacher` answers for the
    fine-tuned teacher. `scratch` is a folder of the stage's own, for checkpoints inside training. `teacher_macs` are
    those of the teacher's encoder at 128 tokens. `tokenizer` is the folder of the tokenizer of the model that the stage
    is given; a stage that rewrites it writes `new_tokenizer`. `memo` holds what was computed about that model while the
    stage is tried at several strengths; `remarks` is what the stage has to say about its work.
    """

    task: Task
    train: Rows
    labelled: Rows
    validation: Rows
    seed: int
    scratch: Path
    progress: Progress
    teacher: "Teacher | None" = None
    teacher_macs: int = 0
    tokenizer: Path = Path()
    new_tokenizer: Path = Path()
    memo: dict[tuple[str, str], Any] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def retokenized(context: Context, tokenizer_file: Path) -> Context:
    """The same rows as another tokenizer cuts them."""
    tokenizer = load_tokenizer(tokenizer_file)

    def again(rows: Rows) -> Rows:
        return Rows(context.task.encode(tokenizer, rows.columns), rows.gold, rows.columns)

    train = again(context.train)
    return replace(
        context,
        train=train,
        labelled=train.first(len(context.labelled.gold)),
        validation=again(context.validation),
    )
