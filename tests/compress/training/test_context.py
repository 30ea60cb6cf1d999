from dataclasses import replace
from pathlib import Path

from pocketbert.compress.tasks.rows import Tokens
from pocketbert.compress.training.context import retokenized
from tests.support.models import context_of, rows_of


def test_retokenized_rows_replace_every_split(tmp_path: Path) -> None:
    given = context_of(rows_of([[2, 5, 3], [2, 6, 3]], [0, 1]), tmp_path)
    train = rows_of([[2, 5, 6, 3], [2, 7, 3]], [0, 1])
    tokens = Tokens(train, train.first(1), rows_of([[2, 8, 3]], [1]))
    files: list[Path] = []

    def tokenize(file: Path) -> Tokens:
        files.append(file)
        return tokens

    found = retokenized(replace(given, tokenize=tokenize), tmp_path / "tokenizer.json")
    assert files == [tmp_path / "tokenizer.json"]
    assert Tokens(found.train, found.labelled, found.validation) == tokens
    assert found.memo is given.memo and found.remarks is given.remarks
