"""Files for texts of fixed lengths: which of its lengths a text is padded to."""

from collections.abc import Iterable
from pathlib import Path

from pocketbert.compress.base.errors import BadInput


def padded_to(lengths: Iterable[int], tokens: int, path: Path) -> int:
    """Return the shortest of `lengths` that a text of so many `tokens` fits into.

    Raises:
        BadInput: the text is longer than every length of the file `path`; nothing is truncated here.
    """
    fitting = [length for length in lengths if length >= tokens]
    if not fitting:
        raise BadInput(f"{path}: takes {max(lengths)} tokens at most, got {tokens}; lower max_length")
    return min(fitting)
