"""The recipe's ``[task]`` table and the names of the splits."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from pocketbert.compress.base.strict import Frozen
from pocketbert.compress.tasks import TASKS

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
    """``[task]``: the task to learn, and the dataset to learn it from."""

    kind: str = Field("classification", json_schema_extra={"enum": [*TASKS]})
    """What the model predicts: one label per text, per pair of texts (matching), or per word (tagging)."""
    dataset: str
    """Where the examples come from: ``builtin:…``, the id of a dataset on Hugging Face Hub (``owner/name``, or
    ``owner/name@revision`` for one branch, tag or commit), a local folder, or one local file, whose rows are training
    rows."""
    config: str | None = None
    """The name of one part, of a dataset on the Hub that has several. An empty text is the same as no key."""
    max_length: int = Field(128, ge=8, le=512)
    """Tokens of the longest text, special tokens included. Longer texts are truncated; in tagging they are read in
    overlapping windows."""
    text: str = "text"
    """Column with the text; in matching, with the first text of a pair."""
    text_pair: str = "text_pair"
    """Column with the second text of a pair (matching)."""
    tokens: str = "tokens"
    """Column with the words of a text (tagging)."""
    label: str = "label"
    """Column with the label; in tagging, with one label per word."""
    labels: tuple[str, ...] = ()
    """The labels in the order of the model's class ids, id 0 first. By default the order that the dataset declares, or
    else sorted order: a fine-tuned model with another order needs this key."""
    splits: dict[Split, str] = Field(default_factory=dict)
    """Replaces a split by another split or by a slice of one, written as the library datasets writes slices:
    ``{ validation = "train[90%:]" }``."""
    hold_out: dict[Literal["validation", "test"], Annotated[float, Field(gt=0, le=0.4)]] = Field(default_factory=dict)
    """Share of the training texts of each label that becomes validation or test examples, chosen by a hash of the text:
    ``{ validation = 0.1, test = 0.1 }``."""
    limit: dict[Literal["train", "validation", "test"], PositiveInt] = Field(default_factory=dict)
    """Number of examples of a split to use, its first ones: ``{ train = 6000 }``."""
    labelled: PositiveInt | None = None
    """Number of training examples that keep their labels, the first ones. From the others a student learns only what
    its teacher predicts."""


def source_of(slice_: str) -> str:
    """Return the name of the split that a slice is taken from."""
    return slice_.partition("[")[0]
