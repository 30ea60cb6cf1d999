"""What a recipe can name: stages, formats, presets, losses and tasks, and every key with its description.

Nothing here loads torch: docstrings are read from the source files.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from textwrap import fill
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import BaseModel

from pocketbert.compress.base.errors import BadInput, nearest
from pocketbert.compress.base.explain import Schema, described, kinds_of, written
from pocketbert.compress.exports import FORMATS, module_name
from pocketbert.compress.pipeline.recipe import FOLDER, Recipe
from pocketbert.compress.stages import stage_kinds, stage_module
from pocketbert.compress.tasks import TASKS
from pocketbert.compress.training.distillation.alignment import PRESETS
from pocketbert.compress.training.losses import LOSSES

_PACKAGE = __name__.rpartition(".pipeline.")[0]
_WIDTH = 100
"""Characters of a line, as far as words allow."""
_DRAFT = "https://json-schema.org/draft/2020-12/schema"


class Key(NamedTuple):
    """One key of a recipe: its dotted name, the values it takes, ``required`` or its default, its description."""

    name: str
    expected: str
    default: str
    text: str


def stages() -> dict[str, str]:
    """Return the kinds of stages, each with the docstring of its module."""
    return {kind: _docstring(f"{_PACKAGE}.stages.{module}") for kind, module in stage_kinds().items()}


def formats() -> dict[str, str]:
    """Return the formats of files, each with its precisions and the docstring of its module."""
    return {
        name: f"{_docstring(module_name(name))}\n\nPrecisions: {', '.join(format_.precisions)}."
        for name, format_ in FORMATS.items()
    }


def presets() -> dict[str, str]:
    """Return the presets of a distillation, each with what it aligns."""
    return PRESETS


def losses() -> dict[str, str]:
    """Return the losses of an alignment as ``feature/loss``, each with the docstring of its module."""
    return {
        f"{feature}/{loss.name}": _docstring(f"{_PACKAGE}.training.losses.{module}")
        for module, loss in LOSSES.items()
        for feature in loss.of
    }


def tasks() -> dict[str, str]:
    """Return the kinds of tasks, each with the docstring of its module."""
    return {kind: _docstring(f"{_PACKAGE}.tasks.{kind}") for kind in TASKS}


def recipes() -> dict[str, str]:
    """Return the recipes in the folder `recipes`, each with the comment that its file begins with."""
    found = {}
    for file in sorted(FOLDER.glob("*.toml")):
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        found[file.stem] = "\n".join(line.lstrip("# ") for line in takewhile(lambda line: line.startswith("#"), lines))
    return found


LISTS: Mapping[str, Callable[[], dict[str, str]]] = {
    "stages": stages,
    "formats": formats,
    "presets": presets,
    "losses": losses,
    "tasks": tasks,
}
"""What can be listed: its names, each with a text whose first paragraph is a summary."""


def summary(text: str) -> str:
    """Return the first paragraph of a text in one line."""
    return " ".join(text.partition("\n\n")[0].split())


def lines(names: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of a list: each name with the first paragraph of its text."""
    width = max(map(len, names), default=0)
    for name, text in names.items():
        yield fill(summary(text), _WIDTH, initial_indent=f"{name:<{width}}  ", subsequent_indent=" " * (width + 2))


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[Key]:
    """Yield every key of a table, and those of the tables inside it under dotted names."""
    schema = model.model_json_schema()
    yield from _keys(schema, schema.get("$defs", {}), prefix)


def every_key() -> Iterator[Key]:
    """Yield every key of a recipe; those of a stage begin with its kind, those of a file with ``artifact``."""
    yield from (key for key in keys(Recipe) if not key.name.startswith("stage."))
    for kind in stage_kinds():
        yield from keys(stage_module(kind).Parameters, kind)


def explain(name: str, others: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return what a name means: a stage, format, preset, loss or task, or one or more keys.

    Args:
        others: names that no recipe uses, such as profiles and recipes, each with its text.

    Raises:
        BadInput: there is no such name.
    """
    texts = {each: text for known in LISTS.values() for each, text in known().items()}
    found = [f"{each}: {text}" for each, text in texts.items() if name in (each, each.split("/")[-1])]
    found += [f"{name}: {others[name]}"] if name in others else []
    every = list(every_key())
    if name in stage_kinds():
        found += [_shown(key) for key in every if key.name.startswith(f"{name}.") and key.name != f"{name}.kind"]
    else:
        found += [_shown(key) for key in every if name == key.name or key.name.endswith(f".{name}")]
        found += [_shown(key) for key in every if key.name.startswith(f"{name}.")]
    if not found:
        known_names = {**texts, **others, **{key.name: "" for key in every}}
        raise BadInput(f"explain {name}: unknown name{nearest(name, known_names)}")
    return "\n\n".join(dict.fromkeys(found))


def recipe_schema() -> dict[str, Any]:
    """Return the JSON schema of a recipe, each kind of stage with its own keys."""
    whole = Recipe.model_json_schema()
    definitions = whole["$defs"]
    del definitions["StageParameters"]
    for kind in stage_kinds():
        stage = stage_module(kind).Parameters.model_json_schema()
        definitions |= stage.pop("$defs", {})
        properties = {**stage["properties"], "kind": {**stage["properties"]["kind"], "const": kind}}
        required = ["kind", *stage.get("required", [])]
        definitions[kind] = {**stage, "title": kind, "properties": properties, "required": required}
    whole["properties"]["stage"]["items"] = {"oneOf": [{"$ref": f"#/$defs/{kind}"} for kind in stage_kinds()]}
    return {"$schema": _DRAFT, **whole}


def _docstring(module: str) -> str:
    spec = find_spec(module)
    source = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
    return _plain(ast.get_docstring(ast.parse(source)) or "")


def _plain(text: str) -> str:
    return text.replace("``", "`")


def _keys(node: Schema, definitions: Schema, prefix: str) -> Iterator[Key]:
    required = node.get("required", ())
    for key, inner in node["properties"].items():
        name = f"{prefix}.{key}" if prefix else key
        kinds = kinds_of(inner, definitions)
        default = written(given) if (given := inner.get("default")) not in (None, [], {}) else "none"
        default = "required" if key in required else f"default: {default}"
        text = _plain(" ".join(inner.get("description", "").split()))
        yield Key(name, " or ".join(map(described, kinds)), default, text)
        for kind in kinds:
            for table in (kind, *kinds_of(kind.get("items", {}), definitions)):
                if "properties" in table:
                    yield from _keys(table, definitions, name)


def _shown(key: Key) -> str:
    text = fill(key.text, _WIDTH, initial_indent="  ", subsequent_indent="  ")
    return f"{key.name} ({key.expected}; {key.default})\n{text}"
