"""Every command in the docs exists, with its options; sentences are short; the two READMEs say the same."""

import configparser
import inspect
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer

from pocketbert.bench.cli import every_command
from pocketbert.bench.gate.options import OPTIONS
from pocketbert.bench.records.results import Measured, Results, Verdict
from tests.support import REPO
from tests.support.pages import blocks, commands
from tests.support.sentences import LONGEST, of_markdown, of_text, words

PAGES = [REPO / "README.md", REPO / "README.zh.md", REPO / "CONTRIBUTING.md", *sorted((REPO / "docs").rglob("*.md"))]
SHELL = {".", "cd", "cp", "export", "git"}
NOTEBOOKS = ("-results.md", "runtimes.md", "training.md", "verdicts.md", "CONTRIBUTING.md", ".zh.md")
"""Endings of pages that are no guides: results of studies, and what is not written for users."""
POCKETBERT = typer.main.get_command(every_command())
COMMANDS = [
    pytest.param(words, id=f"{page.relative_to(REPO)}: {' '.join(words)}")
    for page in PAGES
    for block in blocks(page, "sh")
    for words in commands(block)
]


def check_pocketbert(words: list[str]) -> None:
    """The command exists, has these options, and takes so many arguments; nothing is run."""
    check_typer(POCKETBERT, words)


def check_typer(command: Any, words: list[str]) -> None:
    while hasattr(command, "commands"):
        assert words[0] in command.commands, f"no command {words[0]!r}"
        command, words = command.commands[words[0]], words[1:]
    command.make_context(command.name, list(words))


def check_module(name: str, words: list[str]) -> None:
    """The module can be run so: it is a command line of its own, or it takes no argument."""
    module = import_module(f"{name}.__main__" if find_spec(name).submodule_search_locations else name)  # type: ignore[union-attr]
    if hasattr(module, "app"):
        check_typer(typer.main.get_command(module.app), words)
    else:
        assert hasattr(module, "main"), f"{name} is no program"
        assert not words, f"{name} takes no argument"


def check_pytest(words: list[str], config: pytest.Config) -> None:
    parsed = config._parser.parse_known_args(words)
    unknown = config._parser.parse_known_and_unknown_args(words)[1]
    assert not unknown, f"pytest has no {unknown}"
    for path in parsed.file_or_dir:
        assert path == "pocketbert.bench" or (REPO / path).exists(), f"no {path}"


def check_python(words: list[str], page_folder: Path, config: pytest.Config) -> None:
    if words[0] != "-m":
        assert (page_folder / words[0]).is_file(), f"no {words[0]}"
    elif words[1] == "tox":
        assert words[2:4] == ["run", "-e"]
        tox = configparser.ConfigParser(interpolation=None)
        tox.read(REPO / "tox.ini")
        known = {section.removeprefix("testenv:") for section in tox} | {"tests"}
        assert words[4] in known, f"tox has no environment {words[4]}"
    elif words[1] == "pytest":
        check_pytest(words[2:], config)
    elif words[1] == "studies.shared.without_amx":
        check_python(["-m", *words[2:]], page_folder, config)  # runs another study
    elif words[1] not in ("pip", "venv"):
        assert find_spec(words[1]), f"no module {words[1]}"
        check_module(words[1], words[2:])


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_exists(words: list[str], pytestconfig: pytest.Config) -> None:
    program, rest = words[0], words[1:]
    for word in rest:
        if re.fullmatch(r"recipes/[\w-]+\.toml", word) and "mine" not in word and program != "cp":
            assert (REPO / word).is_file(), f"no {word}"
    if program == "pocketbert":
        check_pocketbert(rest)
    elif program == "pytest":
        check_pytest(rest, pytestconfig)
    elif program == "torchrun":
        check_pocketbert(rest[rest.index("pocketbert") + 1 :])
    elif program in ("python", "python3"):
        check_python(rest, REPO / "docs/example", pytestconfig)
    else:
        assert program in SHELL | {"tox"} or Path(program).name == "pip", f"what is {program}?"


def test_a_wrong_command_would_be_noticed(pytestconfig: pytest.Config) -> None:
    for wrong, complaint in (
        (["report"], "Missing"),
        (["report", "a.json", "--telephone", "x"], "No such option"),
        (["build", "a.toml", "b.toml"], "unexpected extra argument"),
    ):
        with pytest.raises(Exception, match=complaint):  # click's, which typer carries under a name of its own
            check_pocketbert(wrong)
    with pytest.raises(AssertionError, match="no command 'baselines'"):
        check_pocketbert(["baselines"])
    with pytest.raises(AssertionError, match="--gate-manifesto"):
        check_pytest(["bench", "--gate-manifesto", "x"], pytestconfig)
    with pytest.raises(AssertionError, match="takes no argument"):
        check_python(["-m", "studies.pruning.zeros", "reviews"], REPO, pytestconfig)
    with pytest.raises(Exception, match="most"):
        check_python(["-m", "studies.distillation", "most", "reviews"], REPO, pytestconfig)
    with pytest.raises(AssertionError, match="no environment nowhere"):
        check_python(["-m", "tox", "run", "-e", "nowhere"], REPO, pytestconfig)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_links_and_files_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), target
    for named in re.findall(r"`((?:bench|compress|docs|tests|recipes)/[\w/.-]+\.(?:py|toml|md))`", text):
        assert (REPO / named).exists() or "mine" in named, named


def test_tests_that_are_named_exist() -> None:
    named = {name for page in PAGES for name in re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8"))}
    files = (file.read_text(encoding="utf-8") for file in (REPO / "tests").rglob("test_*.py"))
    assert len(named) > 50
    assert named <= {name for text in files for name in re.findall(r"def (test_\w+)\(", text)}


ENGLISH, CHINESE = REPO / "README.md", REPO / "README.zh.md"


def bare(block: str) -> list[str]:
    """The lines of a code block without comments, which are in the page's language."""
    return [line.split(" #")[0].rstrip() for line in block.splitlines() if line.strip() and not line.startswith("#")]


def test_names_of_the_page_for_python_exist(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (REPO / "docs/python.md").read_text(encoding="utf-8")
    names = re.findall(r"^\| `(pocketbert\.[\w.]+)\.(\w+)\(([\w, ]*)\)`", text, flags=re.MULTILINE)
    assert len(names) == 4
    for module, name, parameters in names:
        found = inspect.signature(getattr(import_module(module), name)).parameters
        assert list(found)[: parameters.count(",") + 1] == parameters.split(", ")
    for model in (Results, Measured, Verdict):
        [row] = re.findall(rf"^\| `{model.__name__}` \| (.*) \|$", text, flags=re.MULTILINE)
        said = set(re.findall(r"`([a-z_]+)`", row))
        assert said <= set(model.model_fields)
    monkeypatch.chdir(REPO)
    exec(blocks(REPO / "docs/python.md", "python")[0], {})  # noqa: S102
    assert "student-int8.onnx" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["sh", "python"])
def test_both_readmes_have_the_same_code(kind: str) -> None:
    assert [bare(b) for b in blocks(ENGLISH, kind)] == [bare(b) for b in blocks(CHINESE, kind)]
    assert blocks(ENGLISH, kind)


def code_spans(page: Path) -> set[str]:
    """What stands in code font outside of code blocks; lists of them may be joined otherwise in another language."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return set(re.findall(r"`([^`]+)`", text))


def test_both_readmes_name_the_same_things() -> None:
    assert code_spans(ENGLISH) ^ code_spans(CHINESE) == set()


def figures(page: Path) -> list[str]:
    """Every number outside of code blocks and code font, in the order of the tables and paragraphs, sorted."""
    text = re.sub(r"```.*?```|`[^`]*`|\]\([^)]*\)", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return sorted(re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", text))


def test_both_readmes_have_the_same_figures() -> None:
    ours, theirs = figures(ENGLISH), figures(CHINESE)
    assert ours == theirs


def test_the_readmes_fit_a_screen_or_two() -> None:
    for page in (ENGLISH, CHINESE):
        assert len(page.read_text(encoding="utf-8").splitlines()) <= 120, page.name
    assert len(ENGLISH.read_text(encoding="utf-8").split()) <= 950


def helps(command: Any) -> list[str]:
    """The help of a command, of its parameters and of its subcommands."""
    found = [command.help or "", *(getattr(parameter, "help", None) or "" for parameter in command.params)]
    return found + [text for each in getattr(command, "commands", {}).values() for text in helps(each)]


def test_sentences_of_readme_guides_and_help_are_short() -> None:
    guides = [page for page in PAGES if not page.name.endswith(NOTEBOOKS)]
    assert len(guides) > 20
    sentences = [sentence for page in guides for sentence in of_markdown(page.read_text(encoding="utf-8"))]
    explained = [*helps(POCKETBERT), *(option[-1] for option in OPTIONS.values())]
    sentences += [sentence for text in explained for part in text.split("\n\n") for sentence in of_text(part)]
    longer = [sentence for sentence in sentences if words(sentence) > LONGEST]
    assert len(longer) <= 0.05 * len(sentences), f"{len(longer)} of {len(sentences)}:\n" + "\n".join(longer)


def test_what_counts_as_a_sentence() -> None:
    page = "# A title\n\nOne `a b c` of\n[two words](x.md) here. Two: e.g. this!\n\n- Three.\n- four\n\n| a | table |\n"
    assert of_markdown(page + "```sh\ncode is none\n```\n") == [
        "One `a b c` of two words here.",
        "Two: e.g. this!",
        "Three.",
        "four",
    ]
    assert [words(sentence) for sentence in of_markdown(page)] == [6, 3, 1, 1]
