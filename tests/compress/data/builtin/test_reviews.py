import hashlib
import json
from pathlib import Path
from statistics import fmean

from pocketbert.compress.data.builtin.reviews import load, read_reviews


def test_split_is_unique_stratified_and_stable() -> None:
    splits = load().splits
    assert {name: len(columns["text"]) for name, columns in splits.items()} == {
        "train": 12153,
        "validation": 1737,
        "test": 3473,
    }
    texts = [text for columns in splits.values() for text in columns["text"]]
    assert len(texts) == len(set(texts)) == 17363
    shares = [fmean(columns["label"]) for columns in splits.values()]
    assert max(shares) - min(shares) < 0.002
    key = hashlib.sha256(json.dumps(splits).encode()).hexdigest()
    assert key[:16] == "92ffc8010438e2f3"  # as the first version split them, by `Dataset.train_test_split`


def test_duplicates_and_contradictions_go(tmp_path: Path) -> None:
    (tmp_path / "neg.txt").write_text("坏\n一般\n坏\n\n", encoding="utf-8")
    (tmp_path / "pos.txt").write_text("好\n一般\n 好 \n", encoding="utf-8")
    rows, remarks = read_reviews(tmp_path)
    assert rows == [("坏", 0), ("好", 1)]
    assert remarks == [
        "3 of 6 lines repeat another: left out before splitting",
        "1 texts have both labels: left out",
    ]
