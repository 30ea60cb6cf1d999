"""The recipe reference: every key with its type, default, range and meaning, from the pydantic models."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from pocketbert.compress.data.settings import TaskTable
from pocketbert.compress.pipeline.recipe import ArtifactTable, GuardTable, Recipe, RecordedTable
from pocketbert.compress.stages import stage_kinds, stage_module
from pocketbert.compress.training.distillation.alignment import Alignment
from pocketbert.compress.training.distillation.distil import Distillation
from pocketbert.compress.training.distillation.student import Student
from pocketbert.compress.training.settings import TeacherTable

CHINESE: dict[str, Any] = tomllib.loads(Path(__file__).with_name("recipe.zh.toml").read_text(encoding="utf-8"))
"""Section -> key -> its meaning in Chinese. The section's own is under ``_``; ``shared`` holds for all sections."""
_WORDS = {
    "en": {
        "header": ("key", "type", "default", "meaning"),
        "text": "text",
        "number": "number",
        "integer": "whole number",
        "boolean": "`true`, `false`",
        "list": "list: {}",
        "table": "table",
        "needed": "needed",
        "none": "none",
        "or": " or ",
        "comma": ", ",
        "top": "Recipe",
    },
    "zh": {
        "header": ("键", "类型", "默认值", "含义"),
        "text": "文本",
        "number": "数",
        "integer": "整数",
        "boolean": "`true`、`false`",
        "list": "列表：{}",
        "table": "表",
        "needed": "必填",
        "none": "无",
        "or": " 或 ",
        "comma": "、",
        "top": "顶层的键",
    },
}


class Section(NamedTuple):
    """A table of the recipe: its name in `CHINESE`, its heading and its model."""

    name: str
    heading: str
    model: type[BaseModel]


def sections() -> list[Section]:
    """Return every table that a recipe may have, in the order of the page."""
    stages = [Section(kind, f'`[[stage]]` kind = "{kind}"', stage_module(kind).Parameters) for kind in stage_kinds()]
    return [
        Section("recipe", "", Recipe),
        Section("task", "`[task]`", TaskTable),
        Section("teacher", "`[teacher]`", TeacherTable),
        Section("guard", "`[guard]`", GuardTable),
        *stages,
        Section("student", "`student = { … }`", Student),
        Section("recover", "`recover = { … }`", Distillation),
        Section("align", "`align = [{ … }]`", Alignment),
        Section("artifact", "`[[artifact]]`", ArtifactTable),
        Section("recorded", "`[[recorded]]`", RecordedTable),
    ]


def page(language: str) -> str:
    """Return the tables of all sections as Markdown, in ``en`` or ``zh``."""
    return "\n\n".join(_section(section, language) for section in sections())


def descriptions(section: Section, language: str) -> dict[str, str]:
    """Return the keys of a section with their meaning, empty where nothing is written."""
    chinese = CHINESE["shared"] | CHINESE[section.name]
    found = {}
    for name, field in section.model.model_fields.items():
        english = field.description or ""
        found[field.alias or name] = english if language == "en" else chinese.get(field.alias or name, "")
    return found


def _section(section: Section, language: str) -> str:
    words = _WORDS[language]
    schema = section.model.model_json_schema(by_alias=True)
    introduction = _plain(section.model.__doc__ or "") if language == "en" else CHINESE[section.name]["_"]
    heading = words["top"] if section.model is Recipe else section.heading
    lines = [f"## {heading}", "", introduction, ""]
    lines += ["| " + " | ".join(words["header"]) + " |", "| --- | --- | --- | --- |"]
    for key, meaning in descriptions(section, language).items():
        node = schema["properties"][key]
        cells = (f"`{key}`", _kind(node, words), _default(key, node, schema, words), _plain(meaning))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def _plain(docstring: str) -> str:
    """Return a docstring as Markdown in one paragraph."""
    text = re.sub(
        r"``(.+?)``", r"`\1`", docstring.strip().replace("\n\n    - ", "<br>- ").replace("\n    - ", "<br>- ")
    )
    return " ".join(text.split())


def _kind(node: Mapping[str, Any], words: Mapping[str, Any]) -> str:
    """Return the type of a value with its range, from its JSON schema."""
    if "anyOf" in node:
        return str(words["or"]).join(_kind(one, words) for one in node["anyOf"] if one.get("type") != "null")
    if "$ref" in node or node.get("type") == "object":
        return str(words["table"])
    if "const" in node:
        return f'`"{node["const"]}"`'
    if "enum" in node:
        return str(words["comma"]).join(f'`"{value}"`' for value in node["enum"])
    if node.get("type") == "array":
        return str(words["list"]).format(_kind(node.get("items", {}), words))
    name = {"string": "text"}.get(node.get("type", ""), node.get("type", "text"))
    return " ".join([str(words[name]), *_range(node)])


def _range(node: Mapping[str, Any]) -> Iterator[str]:
    """Yield the limits of a number."""
    for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<")):
        if key in node:
            yield f"{sign} {node[key]:,}"


def _default(key: str, node: Mapping[str, Any], schema: Mapping[str, Any], words: Mapping[str, Any]) -> str:
    if key in schema.get("required", ()):
        return str(words["needed"])
    value = node.get("default")
    if value is None or value in ([], {}):
        return str(words["none"])
    return f"`{json.dumps(value, ensure_ascii=False)}`"
