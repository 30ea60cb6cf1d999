import pytest

from pocketbert.compress.data.builtin.sentences import Tagged, drop_repeats, pieces, sentences


def plain(text: str) -> Tagged:
    return Tagged(text, ["O"] * len(text))


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("他说：“好。”我走。", ["他说：“好。”", "我走。"]),
        ("真的？！好……”不", ["真的？！", "好……”", "不"]),
        ("一；二！（三。）四", ["一；", "二！", "（三。）", "四"]),
        ("没有句号", ["没有句号"]),
        ("。", ["。"]),
    ],
)
def test_quotation_marks_stay_with_their_sentence(text: str, cut: list[str]) -> None:
    assert [sentence.text for sentence in sentences(plain(text))] == cut


def test_an_entity_is_cut_by_no_sentence_end() -> None:
    """北京！站 is one place."""
    paragraph = Tagged("北京！站到。了", ["B-LOC", *["I-LOC"] * 3, "O", "O", "O"])
    assert sentences(paragraph) == [Tagged("北京！站到。", ["B-LOC", *["I-LOC"] * 3, "O", "O"]), Tagged("了", ["O"])]


@pytest.mark.parametrize(
    ("text", "cut", "hard"),
    [
        ("一二三四五", ["一二三四五"], 0),
        ("一，二，三四五六", ["一，二，", "三四五六"], 0),
        ("一二三四五六，七", ["一二三四五", "六，七"], 1),
        ("一二三四，六七八九十", ["一二三四，", "六七八九十"], 0),
    ],
)
def test_long_sentences_are_cut_at_a_comma(text: str, cut: list[str], hard: int) -> None:
    parts, forced = pieces(plain(text), limit=5)
    assert [part.text for part in parts] == cut
    assert forced == hard


def test_a_hard_cut_goes_before_an_entity() -> None:
    parts, hard = pieces(Tagged("一二三李鹏家华", ["O", "O", "O", "B-PER", "I-PER", "I-PER", "O"]), limit=5)
    assert parts == [Tagged("一二三", ["O"] * 3), Tagged("李鹏家华", ["B-PER", "I-PER", "I-PER", "O"])]
    assert hard == 1


def test_a_sentence_counts_in_the_last_split_that_has_it() -> None:
    kept = drop_repeats(
        {"train": [*map(plain, "甲乙甲丙丁")], "validation": [*map(plain, "乙戊")], "test": [*map(plain, "丙丙")]}
    )
    assert {split: "".join(row.text for row in rows) for split, rows in kept.items()} == {
        "train": "甲丁",
        "validation": "乙戊",
        "test": "丙",
    }
