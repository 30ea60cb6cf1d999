"""The exception whose message is written for the user, and the sentences that several messages share."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any


class BadInput(Exception):
    """Unusable input; the message says in one line where it is, what is wrong and what to do.

    The command line prints the message and exits with 2; pytest raises it as `UsageError`.
    """


def nearest(given: str, expected: Mapping[str, Any]) -> str:
    """Return the end of an error message: the closest expected word, if any is close, and all of them."""
    close = get_close_matches(given, list(expected), n=1)
    return (f", did you mean {close[0]!r}?" if close else "") + f" (expected one of: {', '.join(expected)})"


def first_line(error: BaseException) -> str:
    """Return the first line of a library's error message, at most 200 characters."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def offline_hint(source: str) -> str:
    """Return the end of an error message about a source that is neither builtin nor a local path, else nothing."""
    if source.startswith("builtin:") or Path(source).exists():
        return ""
    return (
        " (not a local folder, and not available from Hugging Face Hub; offline: pocketbert build recipes/offline.toml)"
    )
