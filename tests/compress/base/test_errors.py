"""The sentences that several error messages share."""

from pathlib import Path

import pytest

from pocketbert.compress.base.errors import first_line, nearest, offline_hint

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
