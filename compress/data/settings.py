"""The recipe's ``[task]`` table and the names of the splits."""

from typing import Literal

from pydantic import Field, PositiveInt

from pocketbert.compress.base.strict import Frozen

Split = Literal["train", "validation", "test", "unlabelled"]
SPLITS: tuple[Literal["train", "validation", "test"], ...] = ("train", "validation", "test")
UNLABELLED = "unlabelled"
WAY_OUT = (
    "task.splits can take another: { train = 'train[:90%]', validation = 'train[90%:]' }, with test = 'validation' "
    "where that is the one to replace"
)


class TaskTable(Frozen):
    """``[task]``: what is predicted, from which rows.

    `dataset` is ``builtin:…``, a hub id (`config` names the part of one that has several), or a folder; `text`,
    `text_pair` (of matching), `tokens` (of tagging) and `label` name its columns. `labels` is the order in which a
    model counts them, where its makers had one of their own (without it: that of the source's classes, or else sorted).
    `splits` takes another split in the place of one, or a part: a single slice as the library datasets writes it.
    `max_length` counts tokens, special ones included. `limit` cuts splits to their first rows. Of the training rows the
    first `labelled` count as labelled; from the others a student learns through its teacher alone.
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
    limit: dict[Literal["train", "validation", "test"], PositiveInt] = Field(default_factory=dict)
    labelled: PositiveInt | None = None


def source_of(said: str) -> str:
    """The split that a slice is cut from."""
    return said.partition("[")[0]
