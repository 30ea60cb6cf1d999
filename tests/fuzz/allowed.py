"""Legal changes of our own JSON files, by their schema: values at the edge of what a field allows, other spellings."""

import copy
import json
from collections.abc import Iterator
from functools import cache
from inspect import isclass
from math import inf, nextafter
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tests.fuzz.damage import PICKS, TEXTS

_DIGESTS = ("0" * 64, "f" * 64, "0123456789abcdef" * 4)
_PLACES = ("mobile-1t/128", "cpu/32", "cpu/mix", "mobile-4t/128", "x/9", f"cpu/{2**70}", "字/1", "a b/c")
_NAMES = ("tiny", "a", "A.b-c_9", "0", "x" * 100, "offline")
_WHOLE = (0, 1, 2, 3, 8, 128, 512, 2**31, 2**32 - 1, 2**63 - 1, 2**64, 10**30, -1, -(2**63))
_REAL = (0.0, -0.0, 5e-324, 1e-320, 1e-9, 0.01, 0.5, 0.999999, 1, 1.5, 8.0, 1e6, 1e30, 1e308, -1e-9, -1.0, -1e308)
_POSITIVE = (5e-324, 1e-300, 1e-3, 0.5, 1.0, 1.000001, 8.0, 1e30, 1e308)
WORDS = tuple(text for text in TEXTS if not any(0xD800 <= ord(character) <= 0xDFFF for character in text))
"""Texts that a file can hold, however odd they are."""


class Limits(NamedTuple):
    """What the metadata of a field allows."""

    low: float = -inf
    high: float = inf
    above: bool = False  # `low` itself is not allowed
    below: bool = False
    shortest: int = 0
    digest: bool = False

    def allow(self, number: float) -> bool:
        """Return whether a number is within the bounds."""
        return self.low <= number <= self.high and not (
            (self.above and number == self.low) or (self.below and number == self.high)
        )


def _limits(metadata: tuple[Any, ...]) -> Limits:
    found: dict[str, Any] = {}
    for each in metadata:
        if isinstance(each, FieldInfo):
            nested = _limits(tuple(each.metadata))
            found |= {name: value for name, value in nested._asdict().items() if value != Limits()._asdict()[name]}
        for name, into, strict in (
            ("ge", "low", ""),
            ("gt", "low", "above"),
            ("le", "high", ""),
            ("lt", "high", "below"),
        ):
            if (bound := getattr(each, name, None)) is not None:
                found[into] = bound
                found |= {strict: True} if strict else {}
        found |= {"shortest": each.min_length} if getattr(each, "min_length", None) else {}
        found |= {"digest": True} if getattr(each, "pattern", None) else {}
    return Limits(**found)


def _real(limits: Limits) -> st.SearchStrategy[Any]:
    ends = [nextafter(limits.low, inf), nextafter(limits.high, -inf), limits.low, limits.high]
    return st.sampled_from([number for number in (*_REAL, *ends) if abs(number) < inf and limits.allow(number)])


def _whole(limits: Limits) -> st.SearchStrategy[Any]:
    ends = [limits.low, limits.low + 1, limits.high, limits.high - 1]
    known = [*_WHOLE, *(int(number) for number in ends if abs(number) < inf)]
    return st.sampled_from([number for number in known if limits.allow(number)])


def _texts(limits: Limits) -> st.SearchStrategy[str]:
    if limits.digest:
        return st.sampled_from(_DIGESTS)
    texts = st.sampled_from((*WORDS, *_NAMES, *_DIGESTS, "onnxruntime", "2026-01-14T19:03:22Z")) | st.text(max_size=8)
    return texts.filter(lambda text: len(text) >= limits.shortest)


_INTERVALS = st.lists(st.sampled_from(_REAL), min_size=3, max_size=3).map(
    lambda ends: dict(zip(("low", "estimate", "high"), sorted(ends), strict=True))
)
_RATIOS = st.lists(st.sampled_from(_POSITIVE), min_size=3, max_size=3).map(
    lambda ends: dict(zip(("low", "estimate", "high"), sorted(ends), strict=True))
)
_VALIDATED: dict[str, st.SearchStrategy[Any]] = {
    "_names_a_file": st.sampled_from(_NAMES),
    "_above_zero": _RATIOS,
    "_below_one": _real(Limits(0, 1, below=True)),
    "_at_places": st.dictionaries(st.sampled_from(_PLACES), _RATIOS, max_size=3),
}
"""Name of a validator -> what it lets pass."""


@st.composite
def _accuracies(draw: st.DrawFn, fields: Any) -> dict[str, Any]:
    """Draw scores whose outcomes are as many as their rows."""
    table: dict[str, Any] = draw(fields)
    rows, counts = draw(st.sampled_from((1, 7, 8, 9, 3472))), draw(st.sampled_from((0, 0, 3)))
    size = rows * counts * 2 if counts else -(-rows // 8)
    return table | {"rows": rows, "counts": counts, "correct": draw(st.sampled_from(("00", "ff", "5a"))) * size}


def values(annotation: Any, metadata: tuple[Any, ...] = ()) -> st.SearchStrategy[Any]:
    """Draw allowed values of a field, as JSON has them."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return values(inner[0], (*inner[1:], *metadata))
    for each in metadata:
        if (known := getattr(getattr(each, "func", None), "__name__", "")) in _VALIDATED:
            return _VALIDATED[known]
    if origin is Literal:
        return st.sampled_from(inner)
    if origin in (Union, UnionType):
        return st.one_of(*(values(each, () if each is NoneType else metadata) for each in inner))
    if origin is tuple and inner[-1] is not Ellipsis:
        return st.tuples(*map(values, inner)).map(list)
    if origin in (list, tuple):
        return st.lists(values(inner[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(values(inner[0]).map(str), values(inner[1]), max_size=3)
    if annotation is NoneType:
        return st.none()
    if isclass(annotation) and issubclass(annotation, BaseModel):
        return _tables(annotation)
    limits = _limits(metadata)
    scalars: dict[Any, Any] = {bool: lambda _: st.booleans(), int: _whole, float: _real, str: _texts}
    return scalars[annotation](limits) if annotation in scalars else st.sampled_from((None, 1, "x", [1], {"a": 0.5}))


@cache
def _tables(model: type[BaseModel]) -> st.SearchStrategy[Any]:
    if model.__name__ == "Interval":
        return _INTERVALS
    if model.__name__ == "Failure":
        words = st.sampled_from(("killed", "", "two\nlines", "字" * 300))
        return st.tuples(st.sampled_from(("latency cpu/32", "latency cpu", "size", "accuracy")), words).map(": ".join)
    fields = {
        info.alias or name: (info.is_required(), values(info.annotation, tuple(info.metadata)))
        for name, info in model.model_fields.items()
        if info.alias != "schema"
    }
    required = {key: drawn for key, (needed, drawn) in fields.items() if needed}
    optional = {key: drawn for key, (needed, drawn) in fields.items() if not needed}
    tables = st.fixed_dictionaries(required, optional=optional)
    return _accuracies(tables) if model.__name__ == "Accuracy" else tables


class _Place(NamedTuple):
    container: Any
    key: Any
    annotation: Any
    metadata: tuple[Any, ...]
    optional: bool


def _places(annotation: Any, tree: Any, path: str = "") -> Iterator[tuple[str, _Place]]:
    """Yield (path without the numbers and names of entries, place) of every field below."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _places(inner[0], tree, path)
    elif origin in (Union, UnionType):
        for each in inner:
            yield from _places(each, tree, path)
    elif origin in (list, dict) and isinstance(tree, origin):
        for key, value in enumerate(tree) if isinstance(tree, list) else tree.items():
            yield f"{path}[]", _Place(tree, key, inner[-1], (), optional=True)
            yield from _places(inner[-1], value, f"{path}[]")
    elif isclass(annotation) and issubclass(annotation, BaseModel) and isinstance(tree, dict):
        for name, info in annotation.model_fields.items():
            key = info.alias or name
            if key == "schema":
                continue
            yield f"{path}.{key}", _Place(tree, key, info.annotation, tuple(info.metadata), not info.is_required())
            if key in tree:
                yield from _places(info.annotation, tree[key], f"{path}.{key}")


_CHANGES = ("value", "value", "value", "value", "near", "near", "drop", "list")


@st.composite
def allowed_trees(draw: st.DrawFn, model: type[BaseModel], tree: Any) -> Any:
    """Draw the tree with up to three changes, each of which its schema allows, as far as one field tells."""
    tree = copy.deepcopy(tree)
    for _ in range(draw(st.sampled_from((0, 1, 1, 1, 1, 2, 3)))):
        by_path: dict[str, list[_Place]] = {}
        for path, place in _places(model, tree):
            by_path.setdefault(path, []).append(place)
        pick = draw(PICKS)
        alike = pick.choice(list(by_path.values()))
        place = pick.choice(alike)
        container, key = place.container, place.key
        value = container[key] if isinstance(container, list) else container.get(key)
        match draw(st.sampled_from(_CHANGES)):
            case "near" if others := [
                each for each in alike if isinstance(each.container, list) or key in each.container
            ]:
                other = pick.choice(others)
                container[key] = copy.deepcopy(other.container[other.key])
            case "drop" if place.optional and (isinstance(container, list) or key in container):
                del container[key]
            case "list" if isinstance(value, list) and value:
                chosen = copy.deepcopy(pick.choice(value))
                container[key] = pick.choice(([*value, chosen], value[::-1], value[:1], [chosen], []))
            case _:
                container[key] = draw(values(place.annotation, place.metadata))
    return tree


@st.composite
def spelled(draw: st.DrawFn, trees: st.SearchStrategy[Any]) -> bytes:
    """Draw a tree as JSON, written in one of the ways that JSON allows."""
    indent = draw(st.sampled_from((None, 2, 2, "\t")))
    separators = draw(st.sampled_from((None, None, (",", ":"), (" ,\r\n", " : "))))
    text = json.dumps(draw(trees), ensure_ascii=draw(st.booleans()), indent=indent, separators=separators)
    return (
        draw(st.sampled_from(("", "", "\n", " \r\n\t"))) + text + draw(st.sampled_from(("", "\n", "\n\n ")))
    ).encode()


def mostly_allowed(model: type[BaseModel], tree: Any, damaged: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Draw allowed documents and damaged ones, about as many of each."""
    allowed = spelled(allowed_trees(model, tree))
    return st.integers(0, 19).flatmap(lambda n: allowed if n < 10 else damaged)
