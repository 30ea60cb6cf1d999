"""The sentences that several error messages share."""

from pathlib import Path

import pytest

from pocketbert.compress.base.errors import (
    LONGEST,
    BadInput,
    CheckFailed,
    MachineFailed,
    first_line,
    nearest,
    offline_hint,
    printable,
)

WORDS = {"distill": 1, "prune-heads": 2}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("distil", ", did you mean 'distill'? (expected one of: distill, prune-heads)"),
        ("prune_heads", ", did you mean 'prune-heads'? (expected one of: distill, prune-heads)"),
        ("quantize", " (expected one of: distill, prune-heads)"),
    ],
)
def test_the_nearest_word_is_suggested_if_one_is_near(given: str, said: str) -> None:
    assert nearest(given, WORDS) == said


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("  no such key\nTraceback: a page of it"), "no such key"),
        (KeyError(), "KeyError"),
        (OSError("x" * 500), "x" * 200),
    ],
)
def test_a_librarys_error_becomes_one_short_line(error: Exception, line: str) -> None:
    assert first_line(error) == line


def test_only_a_source_that_may_be_on_the_hub_gets_the_offline_hint(tmp_path: Path) -> None:
    assert offline_hint(str(tmp_path)) == ""
    assert offline_hint("builtin:reviews") == ""
    assert "offline: pocketbert build recipes/offline.toml" in offline_hint("bert-base-chinese")


@pytest.mark.parametrize("kind", [BadInput, CheckFailed, MachineFailed])
def test_a_message_is_one_short_line_whatever_is_in_it(kind: type[Exception]) -> None:
    said = str(kind(f"a.toml: \x1b[31m{'x' * 5000}\nand {'字' * 5000}\ud800; use text"))
    assert len(said) <= LONGEST and "\n" not in said
    assert said.startswith("a.toml: \\x1b[31mxxx") and said.endswith("字\\ud800; use text")


def test_what_a_terminal_obeys_is_escaped_and_text_is_not() -> None:
    assert printable("价格　好é\xa0…") == "价格　好é\xa0…"
    assert printable("a\tb\r\nc") == "a b  c"
    assert printable("\x1b[2J\x07\x9b\u202e\u200b\u2028\ufeff") == r"\x1b[2J\x07\x9b\u202e\u200b\u2028\ufeff"


def test_of_many_words_only_some_are_listed() -> None:
    assert nearest("x", {f"name{n}": n for n in range(1000)}).endswith("name19, … (1,000 in all))")


def test_a_name_that_is_too_long_for_a_path_may_be_on_the_hub() -> None:
    assert "offline" in offline_hint("a" * 5000)
