"""The one exception whose message is written for the person at the keyboard."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any


class BadInput(Exception):
    """What was given cannot be used; the message says what, where, and what is legal, in one line.

    The command line prints it and exits with 2; pytest raises it as `UsageError`.
    """


def nearest(given: str, legal: Mapping[str, Any]) -> str:
    """The end of an error line: the nearest legal word and all of them."""
    close = get_close_matches(given, list(legal), n=1)
    return (f", did you mean {close[0]!r}?" if close else "") + f" (legal: {', '.join(legal)})"


def first_line(error: BaseException) -> str:
    """An error of a library, cut down to its first line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def way_out(source: str) -> str:
    """What to say after a failure when `source` is neither a builtin nor here."""
    if source.startswith("builtin:") or Path(source).exists():
        return ""
    return " (neither a local folder nor to be had from the hub; offline: pocketbert build recipes/offline.toml)"
