"""What the rows of a recipe tell about themselves: overlap of splits, texts under two labels, how tags are read.

It takes about a second for 20,000 short rows, so no build keeps it for the next one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.base.errors import percent
from pocketbert.compress.data.overlap import NEAR, SAME, SIMILAR, normalised, seen
from pocketbert.compress.data.tags import tag_remarks
from pocketbert.compress.data.texts import Texts
from pocketbert.compress.tasks import Task
from pocketbert.compress.tasks.inputs import Columns
from pocketbert.compress.tasks.long_texts import readable

_TOO_MUCH = 0.01
"""Share of rows from which a remark is a warning."""
_BETWEEN = "\x1f"
"""Between the texts of a pair: no text has it after the normalization, which takes it for a blank."""


@dataclass(frozen=True)
class Findings:
    """Remarks for the report, and for each test row whether its text is in train: `SAME`, `NEAR` or `UNSEEN`."""

    remarks: list[str]
    test_seen: NDArray[np.uint8]


def find(texts: Texts) -> Findings:
    """Look at all rows of a recipe."""
    keys = {split: _keys(texts.task, columns) for split, columns in texts.splits.items()}
    both = seen(_unordered(keys["train"]), _unordered([*keys["validation"], *keys["test"]]))
    validation, test = np.split(both, [len(keys["validation"])])
    remarks = [*_overlap("validation", validation), *_overlap("test", test)]
    remarks += [
        remark for split, columns in texts.splits.items() for remark in _lost_characters(texts.task, split, columns)
    ]
    remarks += _two_labels(texts, keys["train"][: texts.labelled])
    if texts.task.token_level:
        remarks += tag_remarks(texts.task.labels, texts.splits["train"]["label"][: texts.labelled])
    return Findings(remarks, test)


def _keys(task: Task, columns: Columns) -> list[str]:
    """Return the normalised text of each row, of a long one its beginning; a tagger reads whole texts."""
    longest = None if task.token_level else readable(task.max_length)

    def text(value: Any) -> str:
        return normalised(value if isinstance(value, str) else "".join(value))[:longest]

    return [_BETWEEN.join(map(text, values)) for values in zip(*(columns[name] for name in task.columns), strict=True)]


def _unordered(keys: Sequence[str]) -> list[str]:
    """Return the keys with the texts of each pair sorted: a pair is the same one in either order."""
    return [_BETWEEN.join(sorted(key.split(_BETWEEN))) for key in keys]


def _overlap(split: str, rows: NDArray[np.uint8]) -> Iterator[str]:
    same, near = int(np.sum(rows == SAME)), int(np.sum(rows == NEAR))
    if not same + near:
        return
    share = (same + near) / len(rows)
    said = (
        f"of {len(rows):,} {split} texts {same:,} are in train too, and {near:,} nearly (character 3-grams with a "
        f"Jaccard similarity of {SIMILAR} or more): {percent(share)}"
    )
    if share > _TOO_MUCH:
        said = f"warning: {said}; a score on this split is too high for new texts: remove these rows from train"
    yield said


def _lost_characters(task: Task, split: str, columns: Columns) -> Iterator[str]:
    """Yield a remark on texts with U+FFFD, which programs write in place of what they cannot decode."""
    rows = zip(*(columns[name] for name in task.columns), strict=True)
    if count := sum(
        any("\ufffd" in (text if isinstance(text, str) else "".join(text)) for text in row) for row in rows
    ):
        yield f"warning: {count:,} {split} texts hold U+FFFD (\ufffd): characters were lost before the file was written"


def _two_labels(texts: Texts, keys: Sequence[str]) -> Iterator[str]:
    """Yield a remark if labelled training rows with one text have several labels."""
    columns = texts.splits["train"]
    labels: dict[str, Any] = {}
    unlike = {key for key, label in zip(keys, columns["label"], strict=False) if labels.setdefault(key, label) != label}
    if not unlike:
        return
    rows = [row for row, key in enumerate(keys) if key in unlike]
    first = [row for row in rows if keys[row] == keys[rows[0]]]
    shown = texts.task.show(columns, rows[0])[:30]
    given = list(dict.fromkeys(texts.task.show_label(columns, row) for row in first))[:2]
    warning = "warning: " if len(rows) > _TOO_MUCH * len(keys) else ""
    yield (
        f"{warning}{len(unlike):,} training texts have more than one label ({len(rows):,} rows, "
        f"{percent(len(rows) / len(keys))}), such as {shown!r}: {' and '.join(map(repr, given))}"
    )
