"""Damage to JSON trees, to bytes and to whole files."""

import copy
import json
import os
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

DEEP = 100_000
_RAW = re.compile(r'"@raw(\d+)@"')
RAW_JSON = (
    "[" * DEEP + "]" * DEEP,
    '{"a":' * DEEP + "1" + "}" * DEEP,
    "[" * 900 + "]" * 900,
    "7" * 5000,
    "-" + "9" * 5000,
    "0." + "3" * 5000,
    "1e400",
    "NaN",
    "-Infinity",
    '{"a": 1, "a": 2}',
)
"""Values that `json.dumps` cannot write."""
TEXTS = (
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "\udc80x",
    "字" * 5000,
    "a" * 5000,
    "a/" * 2500,
    "../../x",
    "/",
    "/etc/passwd",
    "/dev/zero",
    "/dev/null",
    ".",
    "..",
    "~",
    "a/b/c/d",
    "mobile-1t",
    "mobile-1t/128/x",
    "\x1b[31mred\x1b[0m",
    "two\nlines",
    "\r",
    "\u2028",
    "\u202e",
    "\ufeff",
    "nan",
    "1e30",
    "<b>x</b>",
    "![x](http://x/y.png)",
    "`" * 40,
    "{}",
    "%s%n",
    "loop",
    "fifo",
    "giant",
    "outside",
    "builtin:nothing",
    "7" * 5000,
    "٣",
)
NUMBERS = (0, -1, 1, 2, 2**31, 2**63, 2**64, 10**30, 10**400, 0.0, -0.0, 1e-320, 1e30, -1e308, 0.5, True, False)
PICKS = st.integers(0, 2**64 - 1).map(random.Random)
"""Choices without a liking for the first, which Hypothesis has: most of the faults would be in the first line."""
SCALARS = st.one_of(st.sampled_from(TEXTS), st.sampled_from(NUMBERS), st.none(), st.text(max_size=8), st.floats())
VALUES = st.one_of(
    SCALARS,
    st.integers(0, len(RAW_JSON) - 1).map("@raw{}@".format),
    st.lists(SCALARS, max_size=3),
    st.dictionaries(st.sampled_from(TEXTS) | st.text(max_size=4), SCALARS, max_size=3),
)


def places(tree: Any, pattern: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield (path without the numbers of entries, container, key) of everything below the root."""
    entries: Any = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in entries:
        path = f"{pattern}.{key}" if isinstance(tree, dict) else f"{pattern}[]"
        yield path, tree, key
        yield from places(value, path)


@st.composite
def trees(draw: st.DrawFn, tree: Any) -> Any:
    """Draw the tree with one to three faults; some are so small that the file is still right."""
    tree = copy.deepcopy(tree)
    for _ in range(draw(st.sampled_from((1, 1, 1, 2, 3)))):
        by_path: dict[str, list[tuple[Any, Any]]] = {}
        for path, container, key in places(tree):
            by_path.setdefault(path, []).append((container, key))
        if not by_path:
            return draw(VALUES)
        pick = draw(PICKS)
        container, key = pick.choice(pick.choice(list(by_path.values())))
        value = container[key]
        match draw(st.sampled_from(_CHANGES)):
            case "value":
                container[key] = draw(VALUES)
            case "near":
                container[key] = copy.deepcopy(draw(_near(value, tree)))
            case "delete":
                del container[key]
            case "add" if isinstance(container, dict):
                container[draw(st.sampled_from(TEXTS))] = draw(VALUES)
            case "add":
                container.extend([value] * draw(st.integers(1, 3)))
            case "wrap":
                container[key] = draw(st.sampled_from(([value], {"a": value}, [[value]])))
            case "rename" if isinstance(container, dict):
                container[draw(st.sampled_from(TEXTS)) if draw(st.booleans()) else f"{key}x"] = container.pop(key)
            case _:
                container[key] = type(value)() if value is not None else None
    return tree


_CHANGES = ("value", "value", "near", "near", "near", "delete", "add", "wrap", "rename", "empty")


def _near(value: Any, tree: Any) -> st.SearchStrategy[Any]:
    """Draw another value of the same type: one from elsewhere in the tree, or a number that is not far."""
    if type(value) in (int, float):
        if not abs(value) < 1e300:  # NaN and infinity too: nothing can be computed with it
            return st.sampled_from(NUMBERS)
        near = (2 * value, value + 1, -value, value / 2, int(value), abs(value) / 1e6, abs(value) * 1e6, 0)
        return st.sampled_from(near) | st.sampled_from(NUMBERS)
    same = [container[key] for _, container, key in places(tree) if type(container[key]) is type(value)]
    return st.sampled_from(same) if same else VALUES


def as_json(tree: Any) -> bytes:
    """Write a tree, with the values that `json.dumps` cannot write."""
    text = _RAW.sub(lambda found: RAW_JSON[int(found[1])], json.dumps(tree, ensure_ascii=True))
    return text.encode("utf-8", "surrogatepass")


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Draw the bytes with a fault, such as the end missing."""
    at = draw(PICKS).randint(0, len(content))
    match draw(st.sampled_from(("cut", "insert", "flip", "bom", "whole", "repeat", "drop"))):
        case "cut":
            return content[:at]
        case "insert":
            extra = draw(
                st.binary(min_size=1, max_size=4) | st.sampled_from((b"\0", b"\xff", b"\xed\xa0\x80", b"{", b"["))
            )
            return content[:at] + extra + content[at:]
        case "flip":
            return content[:at] + bytes([draw(st.integers(0, 255))]) + content[at + 1 :]
        case "bom":
            return draw(st.sampled_from((b"\xef\xbb\xbf", b"\xff\xfe", b"\x1f\x8b"))) + content
        case "whole":
            return draw(st.sampled_from((b"", b"\0" * 64, b"null", b"[]", b"{}", b"7" * 5000, b"[" * DEEP, b'"x"')))
        case "repeat":
            return content + content
        case _:
            return content[:at] + content[at + draw(st.integers(1, 64)) :]


def documents(tree: Any) -> st.SearchStrategy[bytes]:
    """Draw JSON documents: four of five with faults in the tree, the others with faults in the bytes."""
    text = trees(tree).map(as_json)
    return st.one_of(text, text, text, text, damaged(as_json(tree)))


ODD_FILES = ("loop", "fifo", "giant", "folder", "device", "null", "long", "nul", "surrogate", "missing", "unreadable")
"""Files that must not be opened, or cannot be."""


def odd_file(folder: Path, name: str, suffix: str) -> Path:
    """Return the path of one of `ODD_FILES`, made if it has to be."""
    path = folder / f"{name}{suffix}"
    if name in ("long", "nul", "surrogate"):
        return folder / {"long": "a" * 5000, "nul": f"a\0b{suffix}", "surrogate": f"\ud800{suffix}"}[name]
    if path.is_symlink() or path.exists() or name == "missing":
        return path
    match name:
        case "loop":
            path.symlink_to(path)
        case "fifo":
            os.mkfifo(path)
        case "giant":
            with path.open("wb") as file:
                file.truncate(2**40)
        case "folder":
            path.mkdir()
        case "device":
            path.symlink_to("/dev/zero")
        case "null":
            path.symlink_to("/dev/null")
        case "unreadable":
            path.write_bytes(b"{}")
            path.chmod(0)
    return path
