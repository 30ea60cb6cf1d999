"""The exceptions whose message is written for the user, and the sentences that several messages share."""

import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any

EXTRAS = {
    **dict.fromkeys(("accelerate", "datasets", "pyarrow", "scipy", "sklearn", "torch", "transformers"), "build"),
    **dict.fromkeys(("executorch", "torchao"), "executorch"),
    **dict.fromkeys(("litert_torch", "litert_quantizer"), "litert-export"),
    "ai_edge_litert": "litert",
    "coremltools": "coreml",
}
"""Package -> the extra of ours that installs a version known to work."""
LONGEST = 500
"""The largest number of characters of a message."""
_TAIL = 200  # the end of a message says what to do now
_NAMES = 20  # of what is expected
_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode categories: control and format characters, halves of characters, line and paragraph separators."""


def printable(text: str) -> str:
    """Escape every character that is invisible or that a terminal obeys; line breaks and tabs become blanks."""
    if text.isprintable():
        return text
    return "".join(
        " " if each in "\n\r\t" else ascii(each)[1:-1] if unicodedata.category(each) in _INVISIBLE else each
        for each in text
    )


def one_line(text: str) -> str:
    """Return `text` printable, in one line, and at most `LONGEST` characters: the middle is left out."""
    line = printable(text.strip())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - _TAIL - 3]} … {line[-_TAIL:]}"


class _Told(Exception):
    """Base class: the message is one printable line, whatever the user's files put into it."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class BadInput(_Told):
    """Unusable input; the message says in one line where it is, what is wrong and what to do.

    The command line prints the message and exits with 2; pytest raises it as `UsageError`.
    """


class CheckFailed(_Told):
    """A check of a model or a file failed; the message is one line. The command line exits with 1."""


class MachineFailed(_Told):
    """A failure of the machine or of a library; the message is one line. The command line exits with 3."""


def nearest(given: str, expected: Mapping[str, Any]) -> str:
    """Return the end of an error message: the closest expected word, if any is close, and all of them."""
    close = get_close_matches(given[:LONGEST], list(expected), n=1)
    return (f", did you mean {close[0]!r}?" if close else "") + f" (expected one of: {listed(expected)})"


def listed(names: Iterable[str]) -> str:
    """Return the names with commas; of many only the first, and their number."""
    known = list(names)
    more = f", … ({len(known):,} in all)" if len(known) > _NAMES else ""
    return ", ".join(known[:_NAMES]) + more


def percent(share: float, decimals: int = 1) -> str:
    """Format a fraction: 0.925 is ``92.5 %``."""
    return f"{100 * share:.{decimals}f} %"


def first_line(error: BaseException) -> str:
    """Return the first line of a library's error message, printable and at most 200 characters."""
    return printable((str(error).strip() or type(error).__name__).splitlines()[0][:200])


def install_hint(package: str) -> str:
    """Return the command that installs the package that is imported by this name."""
    wanted = f"'pocketbert[{EXTRAS[package]}]'" if package in EXTRAS else package
    return f"pip install {wanted}"


def offline_hint(source: str) -> str:
    """Return the end of an error message about a source that is neither builtin nor a local path, else nothing."""
    with suppress(OSError):  # a name that is too long for a path
        if source.startswith("builtin:") or Path(source).exists():
            return ""
    return (
        " (not a local folder, and not available from Hugging Face Hub; offline: pocketbert build recipes/offline.toml)"
    )
