"""The references of the command line and of pytest's options, from the programs themselves."""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any, Literal, get_args, get_origin

import typer

from pocketbert.bench.cli import every_command
from pocketbert.bench.gate.options import OPTIONS


def command_line() -> str:
    """Return every command of `pocketbert` with its arguments and options, as Markdown."""
    return "\n\n".join(_commands("pocketbert", typer.main.get_command(every_command())))


def gate_options() -> str:
    """Return the options that the plugin adds to pytest, as a Markdown table."""
    rows = [(f"{flag} {metavar}".strip(), _paragraphs(words)) for flag, metavar, _, words in OPTIONS.values()]
    return "\n".join(["| option | meaning |", "| --- | --- |", *(f"| `{flag}` | {words} |" for flag, words in rows)])


def _commands(name: str, command: Any) -> Iterator[str]:
    if hasattr(command, "commands"):
        for each in sorted(command.commands):
            yield from _commands(f"{name} {each}", command.commands[each])
    elif not command.hidden:
        yield _described(name, command)


def _described(name: str, command: Any) -> str:
    shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    arguments = [parameter for parameter in shown if parameter.param_type_name == "argument"]
    words = " ".join([name, *(_metavar(argument) for argument in arguments)])
    lines = [f"## `{words}`", "", _paragraphs(command.help or "")]
    rows = [(_names(parameter), _meaning(parameter)) for parameter in shown if parameter.name != "help"]
    if rows:
        lines += ["", "| argument or option | meaning |", "| --- | --- |"]
        lines += [f"| {names} | {meaning} |".replace("\n", " ") for names, meaning in rows]
    return "\n".join(lines)


def _metavar(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    return name if argument.required else f"[{name}]"


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar or parameter.name.upper()}`"
    metavar = "" if parameter.is_flag else f" {parameter.metavar or _type(parameter).upper()}"
    return ", ".join(f"`{name}{metavar}`" for name in parameter.opts)


def _meaning(parameter: Any) -> str:
    """Return the help of a parameter with its choices and default, fit for a cell of a table."""
    parts = [_paragraphs(parameter.help or "").replace("|", "\\|")]
    if choices := _choices(parameter.bare_type):
        parts.append(f"One of: {', '.join(f'`{choice}`' for choice in choices)}.")
    value = getattr(parameter.default, "value", parameter.default)
    if not (value is None or value is False or callable(value) or value == ()):
        parts.append(f"Default: `{value}`.")
    return " ".join(parts)


def _type(parameter: Any) -> str:
    inner = [*get_args(parameter.bare_type), parameter.bare_type][0]
    return {"int": "number", "float": "number", "Path": "path"}.get(getattr(inner, "__name__", ""), "name")


def _choices(kind: Any) -> list[str]:
    """Return the values of an enumeration or of a `Literal`; none of any other type."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return [str(member.value) for member in kind]
    return [str(value) for value in get_args(kind)] if get_origin(kind) is Literal else []


def _paragraphs(text: str) -> str:
    """Return help text as Markdown: without rich's markup and line breaks inside paragraphs, ``<recipe>`` as it is."""
    plain = re.sub(r"\[/?(?:bold|dim|italic|cyan|green|red|yellow)[^\]]*\]", "", text)
    shown = "".join(
        part if part.startswith("`") else part.replace("<", "&lt;") for part in re.split("(`[^`]*`)", plain)
    )
    return "\n\n".join(" ".join(part.split()) for part in shown.split("\n\n"))
