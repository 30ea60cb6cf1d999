"""Options that every command has, wherever they are written; none of them reaches its function."""

import json
import re
from typing import Annotated, Literal

import pytest
import typer
from typer.testing import CliRunner

from pocketbert.compress.base import quiet
from pocketbert.compress.base.commands import Command, Commands, echo, print_json
from pocketbert.compress.base.errors import BadInput, printable
from pocketbert.compress.base.quiet import Verbosity, shown
from tests.support import REPO


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.setattr(quiet, "_shown", Verbosity.NORMAL)
    app = typer.Typer(cls=Commands)

    @app.command(cls=Command)
    def run(words: Annotated[list[str], typer.Argument()]) -> None:
        typer.echo(f"{' '.join(words)}: {shown().name}")

    @app.command(cls=Command)
    def fail(how: str) -> None:
        if how == "badly":
            raise RuntimeError("a library's own words")
        raise BadInput("x: wrong")

    return app


@pytest.mark.parametrize(
    ("words", "level"),
    [
        ("run a", "NORMAL"),
        ("run a -v", "VERBOSE"),
        ("run --verbose a", "VERBOSE"),
        ("-v run a", "VERBOSE"),
        ("run a -q", "QUIET"),
        ("--quiet run a", "QUIET"),
        ("-q run a -v", "VERBOSE"),
    ],
)
def test_an_option_holds_before_and_behind_the_command(app: typer.Typer, words: str, level: str) -> None:
    assert CliRunner().invoke(app, words.split()).output == f"a: {level}\n"


def test_both_helps_name_the_options(app: typer.Typer) -> None:
    for words in (["--help"], ["run", "--help"]):
        shown_help = CliRunner().invoke(app, words, env={"NO_COLOR": "1"}).output
        assert re.search(r"--verbose.*\n?.*--quiet|--quiet.*\n?.*--verbose", shown_help, re.DOTALL)


def test_verbose_shows_the_traceback_of_a_failure_alone(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.chdir(str(tmp_path))
    line = "pocketbert: failed unexpectedly: a library's own words (traceback: pocketbert-error.log)"
    assert CliRunner().invoke(app, ["fail", "badly"]).output == f"{line}\n"
    found = CliRunner().invoke(app, ["fail", "badly", "-v"])
    assert "Traceback" in found.output and found.output.rstrip().endswith(line)
    assert found.exit_code == 3
    assert CliRunner().invoke(app, ["fail", "kindly", "-v"]).output == "pocketbert: x: wrong\n"


def test_a_terminal_gets_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    echo("\x1b[31mpos\x9b1m\u202e\n好　差")
    assert capsys.readouterr().out == "\\x1b[31mpos\\x9b1m\\u202e\n好　差\n"
    value = {"\x1b[31mpos\x9b1m": ["\u202e", "\U000e0001", "好　差\n"]}
    print_json(value)
    shown_json = capsys.readouterr().out
    assert json.loads(shown_json) == value
    assert all(printable(line) == line for line in shown_json.split("\n"))


def test_every_command_prints_without_control_characters() -> None:
    files = [REPO / "compress/cli.py", REPO / "bench/cli.py", *sorted((REPO / "bench/commands").glob("*.py"))]
    own = [file.name for file in files if re.search(r"typer\.echo\(|\bprint\(", file.read_text(encoding="utf-8"))]
    assert own == ["gate.py"], "its help alone"


def test_a_wrong_choice_is_refused_without_words_of_a_library() -> None:
    app = typer.Typer(cls=Commands)

    @app.command(cls=Command)
    def size(wanted: Literal["small", "large"]) -> None: ...

    @app.command(cls=Command)
    def other() -> None: ...

    found = CliRunner().invoke(app, ["size", "huge"], env={"NO_COLOR": "1"})
    assert found.exit_code == 2
    assert "'huge' is not one of 'small', 'large'." in found.output
    assert "Value error" not in found.output
