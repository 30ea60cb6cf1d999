"""One line about a value that a pydantic model refuses, in the words of the file that holds the value."""

import json
import re
from typing import Any

from pydantic import BaseModel, ValidationError

from pocketbert.compress.base.errors import nearest

Schema = dict[str, Any]
_NOUNS = {"boolean": "true or false", "integer": "a whole number", "number": "a number", "string": "text in quotes"}
_TYPES = {"boolean": (bool,), "integer": (int,), "number": (int, float), "string": (str,)}
_LIMITS = {
    "minimum": "{} or more",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "not empty",
}
_LONGEST = 60  # characters of a value that a message shows


def explain(error: ValidationError, model: type[BaseModel], table: str = "") -> str:
    """Name one mistake: its key, the value found, and what is expected instead.

    A misspelt key comes before the key that is then missing. A field's `unit`, if its schema has one, says what its
    value is.

    Args:
        table: header of the table that `model` describes, such as ``stage``; empty for a whole file.
    """
    first = min(error.errors(), key=lambda mistake: mistake["type"] != "extra_forbidden")
    loc, value, unknown = first["loc"], first["input"], None
    if first["type"] == "extra_forbidden":
        loc, unknown = loc[:-1], str(loc[-1])
    elif loc[-1:] == ("[key]",):
        loc, unknown = loc[:-2], str(loc[-2])
    where, node = "", model.model_json_schema()
    definitions = node.get("$defs", {})
    kinds = [node]
    for part in loc:
        inner = next(filter(None, (_inner(kind, part) for kind in kinds)), None)
        if inner:  # else `part` is the branch of a union that pydantic tried
            where, node, kinds = _joined(where, part), inner, kinds_of(inner, definitions)
    keys = {name: kinds_of(inner, definitions) for kind in kinds for name, inner in _keys(kind).items()}
    if unknown is not None:
        hint = nearest(unknown, keys) if keys else "; expected a whole number"
        return f"{_joined(where, unknown)}: unknown key{hint}"
    found, expected = f"{where} = {written(value)}", " or ".join(map(described, kinds))
    if first["type"] == "missing":
        return f"{where} is missing; expected {expected}"
    if first["type"] == "value_error":  # raised by a validator of ours
        return f"{where if isinstance(value, dict) else found}: {first['ctx']['error']}".removeprefix(": ")
    if keys and not isinstance(value, dict):
        meant = [name for name in keys if any(_takes(kind, value) for kind in keys[name])]
        meant.sort(key=lambda name: name not in kinds[0].get("required", ()))
        hint = f"; did you mean {where}.{meant[0]} = {written(value)}?" if meant else ""
        return f"{found}: [{_joined(table, where)}] is a table{hint}"
    if "unit" in node:
        return f"{found}: this is {node['unit']}; allowed: {_range(kinds[0])}"
    return f"{found}: expected {expected}"


def _joined(where: str, part: int | str) -> str:
    """Append a key, or the number of a list's entry counted from 1."""
    if isinstance(part, int):
        return f"{where} entry {part + 1}"
    return f"{where}{': ' if ' entry ' in where else '.'}{part}" if where else part


def kinds_of(node: Schema, definitions: Schema) -> list[Schema]:
    """List the alternatives of a JSON schema, without null."""
    node = definitions[node["$ref"].rpartition("/")[2]] if "$ref" in node else node
    alternatives = [each for each in node.get("anyOf", []) if each != {"type": "null"}]
    return [kind for each in alternatives for kind in kinds_of(each, definitions)] or [node]


def _keys(kind: Schema) -> dict[str, Schema]:
    """Return the keys that a table may have, if they have names."""
    names = kind.get("propertyNames", {}).get("enum", [])
    return kind.get("properties") or dict.fromkeys(names, kind.get("additionalProperties"))


def _inner(kind: Schema, part: int | str) -> Any:
    """Return the schema of one entry of a list or table, if there is such an entry."""
    return kind.get("items") if isinstance(part, int) else _keys(kind).get(part) or kind.get("additionalProperties")


def _takes(kind: Schema, value: Any) -> bool:
    fits = type(value) in _TYPES.get(kind.get("type", ""), ()) and value in kind.get("enum", [value])
    return fits and ("pattern" not in kind or re.search(kind["pattern"], value) is not None)


def described(kind: Schema) -> str:
    """Describe what a value of one JSON schema is: ``a whole number, 1 or more``."""
    if "enum" in kind:
        return f"one of {', '.join(map(written, kind['enum']))}"
    if "examples" in kind:
        return f"text such as {written(kind['examples'][0])}"
    if kind.get("type") == "array":
        return f"a list, each entry {_NOUNS.get(kind.get('items', {}).get('type'), 'a table')}"
    if kind.get("type") == "object":
        return f"a table with {', '.join(kind['required'])}" if "required" in kind else "a table"
    return ", ".join(filter(None, (_NOUNS.get(kind.get("type", ""), "a value"), _range(kind))))


def _range(kind: Schema) -> str:
    """Describe the limits of a number: ``0 to 0.99``, ``1 or more``."""
    if {"minimum", "maximum"} <= kind.keys():
        return f"{kind['minimum']} to {kind['maximum']}"
    return " and ".join(words.format(kind[name]) for name, words in _LIMITS.items() if name in kind)


def written(value: Any) -> str:
    """Return a value as a recipe writes it; a long one is truncated."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except RecursionError:
        return "a list or table that is nested too deeply"
    except ValueError:  # hexadecimal numbers have no limit, and decimal ones do
        return "a number of thousands of digits"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
