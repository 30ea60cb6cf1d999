"""Which length a text is padded to."""

from pathlib import Path

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.runtimes.lengths import padded_to


def test_a_text_is_padded_to_the_next_length() -> None:
    taken = [padded_to([128, 32], tokens, Path("m.tflite")) for tokens in (1, 31, 32, 33, 128)]
    assert taken == [32, 32, 32, 128, 128]


def test_a_text_longer_than_every_length_is_refused() -> None:
    with pytest.raises(BadInput, match=r"^m\.tflite: takes 128 tokens at most, got 129; lower max_length$"):
        padded_to([32, 128], 129, Path("m.tflite"))
