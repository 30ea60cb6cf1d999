"""Rows that are in train too: found exactly and nearly, and no others."""

import random

import numpy as np
import pytest

from pocketbert.compress.data import overlap
from pocketbert.compress.data.overlap import NEAR, SAME, UNSEEN, jaccard, normalised, seen

CHARACTERS = [chr(point) for point in range(0x4E00, 0x4E00 + 2000)]


def test_texts_are_compared_after_normalization() -> None:
    assert normalised(" Ｈｏｔｅｌ　不错！\n") == "hotel不错!"
    train = [normalised(text) for text in ("酒店很好", "GOOD")]
    assert seen(train, [normalised(text) for text in ("酒店 很好", "good", "酒店")]).tolist() == [SAME, SAME, UNSEEN]


def test_jaccard_of_3_grams() -> None:
    assert jaccard("abcd", "abce") == pytest.approx(1 / 3)
    assert jaccard("abcabc", "abcab") == 1.0
    assert (jaccard("ab", "ab"), jaccard("ab", "cd")) == (1.0, 0.0)


def changed(draw: random.Random, text: str, places: int) -> str:
    letters = list(text)
    for place in draw.sample(range(len(text)), places):
        letters[place] = "〇"
    return "".join(letters)


def test_near_duplicates_are_found_among_many_texts() -> None:
    """One changed character of 100 leaves 95 of 101 3-grams, ten leave about 70 of 128."""
    draw = random.Random(3)  # noqa: S311
    train = ["".join(draw.choices(CHARACTERS, k=100)) for _ in range(2000)]
    near = [changed(draw, text, 1) for text in train[:200]]
    similar = [changed(draw, text, 10) for text in train[200:400]]
    fresh = ["".join(draw.choices(CHARACTERS, k=100)) for _ in range(200)]
    found = seen(train, [*near, *similar, *fresh])
    expected = [jaccard(a, b) >= 0.9 for a, b in zip(train, [*near, *similar], strict=False)] + [False] * 200
    assert sum(expected) == 200
    assert np.array_equal(found == NEAR, expected)


def test_short_texts_and_templates() -> None:
    assert seen([], ["好书推荐"]).tolist() == [UNSEEN]
    assert seen(["好", "好书", ""], ["差", "好书", "", "好书推荐"]).tolist() == [UNSEEN, SAME, SAME, UNSEEN]
    template = (
        "您好，您的订单{}已经发货，请注意查收，祝您生活愉快，如有问题请随时联系我们的客服，谢谢您的支持，期待您再来"
    )
    template += "；本店地址与电话不变"
    train = [template.format(number) for number in range(500)]
    assert seen(train, [template.format("甲")]).tolist() == [NEAR]


def test_a_pair_is_compared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts of one template, of a similarity below the limit, share several bands."""
    draw, compared = random.Random(7), list[tuple[str, str]]()  # noqa: S311
    template = "".join(draw.choices(CHARACTERS, k=120))
    real = overlap.jaccard

    def counted(one: str, other: str) -> float:
        compared.append((one, other))
        return real(one, other)

    monkeypatch.setattr(overlap, "jaccard", counted)
    rows = [changed(draw, template, 4) for _ in range(40)]
    overlap.seen(rows[:20], rows[20:])
    assert len(compared) > 10
    assert len(compared) == len(set(compared))


def test_the_same_texts_give_the_same_answer() -> None:
    draw = random.Random(5)  # noqa: S311
    train = ["".join(draw.choices(CHARACTERS[:40], k=30)) for _ in range(300)]
    rows = [changed(draw, text, 1) for text in train]
    assert np.array_equal(seen(train, rows), seen(train[::-1], rows))
