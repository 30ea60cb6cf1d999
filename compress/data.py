"""The recipe's rows, tokenized once, and the files the bench scores on."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from compress.files import whole
from compress.recipe import Recipe
from compress.sources import load_data
from compress.stages import Rows
from compress.tasks import Task, open_task
from compress.tasks.encoding import encode, load_tokenizer, pad_id

if TYPE_CHECKING:
    from datasets import DatasetDict


@dataclass(frozen=True)
class Texts:
    """The splits as text, and the task that scores them. `key` stands for all of it."""

    task: Task
    splits: "DatasetDict"
    key: str


@dataclass(frozen=True)
class Tokens:
    """Training and validation rows as token ids."""

    train: Rows
    validation: Rows
    padding: int


def read_texts(recipe: Recipe) -> Texts:
    """Load, check and cut the recipe's dataset."""
    splits = load_data(recipe.task).splits
    for split, rows in recipe.task.limit.items():
        splits[split] = splits[split].select(range(min(rows, len(splits[split]))))
    labels: list[str] = splits["train"].features["label"].names
    hasher = hashlib.sha256(json.dumps([recipe.task.model_dump(), labels]).encode())
    for table in splits.values():
        hasher.update(json.dumps([list(table["text"]), list(table["label"])]).encode())
    return Texts(open_task(recipe.task.kind, labels, recipe.task.max_length), splits, hasher.hexdigest())


def tokenize(texts: Texts, tokenizer_file: Path) -> Tokens:
    """Token ids of train and validation, cut at the task's `max_length`."""
    tokenizer = load_tokenizer(tokenizer_file, texts.task.max_length)
    rows = {}
    for split in ("train", "validation"):
        table = texts.splits[split]
        rows[split] = Rows(encode(tokenizer, list(table["text"])), list(table["label"]))
    return Tokens(rows["train"], rows["validation"], pad_id(tokenizer))


def write_test(texts: Texts, path: Path) -> None:
    """The test split as Parquet (columns text, label), whole or not at all."""
    with whole(path) as temporary:
        texts.splits["test"].to_parquet(str(temporary))
