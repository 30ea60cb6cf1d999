"""The recipe's ``[task]`` table and the names of the splits."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from pocketbert.compress.base.strict import Frozen

Split = Literal["train", "validation", "test", "unlabelled"]
SPLITS: tuple[Literal["train", "validation", "test"], ...] = ("train", "validation", "test")
UNLABELLED = "unlabelled"
HELD_OUT: tuple[Literal["test", "validation"], ...] = ("test", "validation")
"""Splits that can be taken from train, in this order: another share of validation moves no test row."""
WAY_OUT = (
    "task.splits can take rows of another split: { train = 'train[:90%]', validation = 'train[90%:]' }; "
    "to replace the test split, add test = 'validation'"
)


class TaskTable(Frozen):
    """``[task]``: the task to learn, and the dataset to learn it from.

    `dataset` is ``builtin:…``, a hub id (`config` names one part of a dataset that has several), a folder, or one file
    of rows. `text`, `text_pair` (matching), `tokens` (tagging) and `label` name its columns. `labels` lists the labels
    in the order of the model's class ids; the default is the order of the source's classes, or else sorted order.
    `splits` replaces a split by another split or by one slice of it, written as the library datasets writes slices.
    `hold_out` takes a share of the training texts of each label as validation or test rows, by a hash of the text. The
    rows of one file are training rows. `max_length` counts tokens, special tokens included. `limit` truncates splits to
    their first rows. The first `labelled` training rows keep their labels; from the other rows a student learns through
    its teacher alone.
    """

    kind: str = "classification"
    dataset: str
    config: str | None = None
    max_length: int = Field(128, ge=8, le=512)
    text: str = "text"
    text_pair: str = "text_pair"
    tokens: str = "tokens"
    label: str = "label"
    labels: tuple[str, ...] = ()
    splits: dict[Split, str] = Field(default_factory=dict)
    hold_out: dict[Literal["validation", "test"], Annotated[float, Field(gt=0, le=0.4)]] = Field(default_factory=dict)
    limit: dict[Literal["train", "validation", "test"], PositiveInt] = Field(default_factory=dict)
    labelled: PositiveInt | None = None


def source_of(slice_: str) -> str:
    """Return the name of the split that a slice is taken from."""
    return slice_.partition("[")[0]
