from collections import Counter
from pathlib import Path

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.builtin.corpus import read_paragraphs, split_paragraphs


def test_paragraphs_that_repeat_a_text_go(tmp_path: Path) -> None:
    file = tmp_path / "corpus.txt"
    file.write_text("本报/r  讯/Ng\n\n李/nr  鹏/nr  １/２/m\n本报/r  讯/n \n", encoding="utf-8")
    paragraphs, repeated = read_paragraphs(file)
    assert paragraphs == [[("本报", "r"), ("讯", "Ng")], [("李", "nr"), ("鹏", "nr"), ("１/２", "m")]]
    assert repeated == 1


def test_a_word_without_a_tag_is_named_by_its_line(tmp_path: Path) -> None:
    file = tmp_path / "corpus.txt"
    file.write_text("本报/r\n本报/r  讯\n", encoding="utf-8")
    with pytest.raises(BadInput, match="line 2: holds '讯'; expected: word/tag"):
        read_paragraphs(file)


def test_splits_share_no_paragraph_lose_none_and_stay_the_same() -> None:
    splits = split_paragraphs(range(105))
    assert {split: len(members) for split, members in splits.items()} == {"train": 85, "validation": 10, "test": 10}
    assert Counter(at for members in splits.values() for at in members) == Counter(range(105))
    assert splits == split_paragraphs(range(105))
    assert splits["test"] != sorted(splits["test"])
