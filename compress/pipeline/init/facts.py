"""What the data of a recipe is like, in one line each: splits, columns, class balance, lengths."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pocketbert.compress.base.errors import percent
from pocketbert.compress.data.settings import SPLITS
from pocketbert.compress.data.texts import Texts
from pocketbert.compress.tasks import Task
from pocketbert.compress.tasks.inputs import Inputs
from pocketbert.compress.tasks.rows import flat
from pocketbert.compress.tasks.schemes import OUTSIDE

_MOST = 6
"""Labels whose shares are listed one by one."""


def data_line(texts: Texts, task: Mapping[str, Any]) -> str:
    """Return ``train 9,600 · validation 1,200 · … · columns text, label (classification) · 负面 49 %, 正面 51 %``.

    Args:
        task: the keys of ``[task]``, which may name the columns.
    """
    counts = [f"{split} {len(texts.splits[split]['label']):,}" for split in SPLITS]
    columns = ", ".join(task.get(key, key) for key in (*texts.task.columns, "label"))
    named = f"columns {columns} ({texts.task.kind})"
    return " · ".join([*counts, named, _balance(texts.task, texts.splits["train"]["label"][: texts.labelled])])


def _balance(task: Task, gold: Sequence[object]) -> str:
    """Return the share of each label in the rows; of many labels the smallest and the largest share."""
    counts = Counter(flat(gold).tolist())
    total = sum(counts.values())
    if task.token_level:
        outside = next((number for number, label in enumerate(task.labels) if label == OUTSIDE), None)
        return f"{len(task.labels)} tags, {percent(1 - counts.get(outside, 0) / total)} of the tokens in entities"
    if len(task.labels) <= _MOST:
        return ", ".join(f"{label} {percent(counts[number] / total, 0)}" for number, label in enumerate(task.labels))
    few, many = (choose(range(len(task.labels)), key=lambda number: counts[number]) for choose in (min, max))
    return (
        f"{len(task.labels)} labels, from {task.labels[few]} {percent(counts[few] / total)} to {task.labels[many]} "
        f"{percent(counts[many] / total)}"
    )


def length_line(inputs: Inputs, max_length: int) -> str:
    """Say how long the texts are, in tokens."""
    lengths = sorted(len(sequence) for sequence in inputs.one_per_row())
    longer = inputs.truncated if inputs.rows is None else len(inputs) - len(lengths)
    return (
        f"half of the texts have at most {lengths[len(lengths) // 2]} tokens; "
        f"{percent(longer / len(lengths))} are longer than {max_length} tokens"
    )
