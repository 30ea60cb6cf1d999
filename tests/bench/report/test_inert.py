"""Reports are inert: markup in any text of a results file shows as text, on every page, picture and line."""

import json
import re
import types
import xml.etree.ElementTree as ElementTree
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pydantic import BaseModel

from pocketbert.bench.records.results import Failure, Results
from pocketbert.bench.report import comparison, html, pull_request
from pocketbert.bench.report.page import compose, write_report
from pocketbert.bench.report.plots.style import label
from pocketbert.bench.report.summary import verdict_lines
from pocketbert.compress.base.errors import printable
from tests.support.reports import check_tables

MARKUP = (
    "<img src=x onerror=alert(1)>",
    "</code></summary></details><b>bold</b>",
    "![picture](http://evil.example/x.png)",
    "[link](http://evil.example)",
    "[link][link]",
    "http://evil.example www.evil.example",
    "<http://evil.example>",
    "@octocat and @octo-org/team, see #1",
    "\x1b[31mred\x1b[0m\x07\x9b1m\u202e",
    "one `two` ``three",
    "```\n<b>out of the fence</b>\n```",
    "a\n\n# heading\n\n- item\n\n> quote",
    "# heading",
    "1. item",
    "cell | cell",
    "**bold** _thin_ ~~gone~~ $\\pi$ \\[x](http://evil.example)",
    "&lt;b&gt; &#60;b&#62;",
)
OURS = re.compile(r"</?(details|summary|b|sub|code|br)>")
SHOWN = [*MARKUP, " ".join(MARKUP)]


def filled(kind: Any, text: str, turn: int = 0) -> Any:
    """A value of that type in which every text is `text`; `turn` chooses among the allowed words."""
    arguments = get_args(kind)
    if get_origin(kind) in (types.UnionType, Union):
        return filled(next(each for each in arguments if each is not type(None)), text, turn)
    if get_origin(kind) is Literal:
        return arguments[turn % len(arguments)]
    if get_origin(kind) is list:
        return [filled(arguments[0], text, each) for each in range(6 if turn < 0 else 1 + turn % 2)]
    if get_origin(kind) is tuple:
        return tuple(filled(each, text, turn) for each in arguments)
    if get_origin(kind) is dict:
        return {filled(arguments[0], text, turn): filled(arguments[1], text, turn)}
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        hints = get_type_hints(kind)
        return kind.model_construct(**{name: filled(hints[name], text, turn) for name in kind.model_fields})
    return {str: text, int: 3, float: 0.5, bool: turn % 2 == 1, Any: text}[kind]


def results_of(text: str, **more: object) -> Results:
    found: Results = filled(Results, text, -1)
    for number, artifact in enumerate(found.artifacts):
        artifact.failures = [Failure.model_construct(metric="size", words=text, profile=text, length=text)]
        artifact.not_run = number == 4
        artifact.dense = text if number == 5 else None
    return found.model_copy(update={"task": None, **more})


def tokens_of(page: str) -> list[Token]:
    parsed = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(page)
    return [token for block in parsed for token in (block, *(block.children or ()))]


def check_inert(page: str, links: int) -> None:
    """Check that nothing but our own markup is in force."""
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", page)
    assert check_tables(page)
    found = tokens_of(page)
    kinds = [token.type for token in found]
    assert "image" not in kinds and "s_open" not in kinds and "em_open" not in kinds and "blockquote_open" not in kinds
    assert kinds.count("heading_open") == 1 and kinds.count("link_open") == links and "ordered_list_open" not in kinds
    for token in found:
        if token.type in ("html_block", "html_inline"):
            assert "<" not in OURS.sub("", token.content)
    code = {token.content for token in found if token.type in ("code_inline", "fence")}
    for content in sorted(code, key=len, reverse=True):
        page = page.replace(content, "")
    # outside of code a platform makes links and mentions of words alone
    assert not re.search(r"@\w|[^&]#\d|://|www\.", page)


@pytest.mark.parametrize("text", SHOWN)
def test_no_text_of_a_results_file_takes_effect_in_a_report(text: str) -> None:
    check_inert(compose(results_of(text), [], Path("reports/offline.json")), links=2)


@pytest.mark.parametrize("text", SHOWN)
def test_no_text_takes_effect_in_a_pull_request(text: str) -> None:
    page = pull_request.compose(results_of(text), Path("reports/offline.json"))
    check_inert(page, links=0)
    assert len(page.splitlines()) <= 60


@pytest.mark.parametrize("text", SHOWN)
def test_no_text_takes_effect_in_the_html_page(text: str) -> None:
    results = results_of(text)
    page = html.compose(results, [])
    plain = html.compose(results_of("plain"), [])
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028]", page)
    assert page.count("<") == plain.count("<"), "a text is markup"
    assert page.count("</script") == 2
    [data] = re.findall(r'<script type="application/json" id="data">(.*)</script>', page)
    assert json.loads(data)["recipe"] == printable(text)


def test_the_scripts_make_no_markup_of_texts() -> None:
    folder = files("pocketbert.bench.report.html") / "page" / "scripts"
    source = "\n".join((folder / f"{name}.js").read_text(encoding="utf-8") for name in html.SCRIPTS)
    forbidden = r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|Function\(|setTimeout\(|import\(|fetch\(|https?://(?!www\.w3)"
    assert not re.search(forbidden, source)
    assert {f"{name}.js" for name in html.SCRIPTS} == {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("text", SHOWN)
def test_no_text_takes_effect_in_a_comparison(text: str) -> None:
    before, now = results_of(text, recipe=f"{text}2"), results_of(text)
    before.machine.versions = {text: f"{text}2"}
    before.machine.fingerprint = before.machine.cpu = f"{text}2"
    for number, artifact in enumerate(now.artifacts):
        before.artifacts[number].id = artifact.id = f"{text} {number}"
        before.artifacts[number].accuracy.test_sha256 = f"{text}2"
    before.reference = now.reference = now.artifacts[0].id
    check_inert(comparison.compose(text, text, before, now), links=0)


@pytest.mark.parametrize("text", SHOWN)
def test_the_terminal_obeys_no_text(text: str) -> None:
    lines = [line.text for line in verdict_lines(results_of(text), Path("x.json"), None)]
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202e]", "".join(lines))


def test_pictures_are_well_formed_whatever_the_names_are(tmp_path: Path, results: Results) -> None:
    name = " ".join(MARKUP) + "\0" + "x" * 5000
    artifacts = [a.model_copy(update={"id": f"{a.id}{name}"}) for a in results.artifacts[::6]]
    steps = [s.model_copy(update={"name": f"{s.name}{name}"}) for s in results.steps[:2]]
    hostile = {"artifacts": artifacts, "steps": steps, "reference": artifacts[0].id, "commit": name}
    write_report(results.model_copy(update=hostile), tmp_path / "run.json")
    pictures = list((tmp_path / "run").glob("*.svg"))
    assert len(pictures) >= 3
    for picture in pictures:
        tags = {element.tag.rpartition("}")[2] for element in ElementTree.parse(picture).iter()}  # noqa: S314
        assert tags.isdisjoint({"script", "image", "a", "foreignObject"})
    assert len(label(name)) < 1000 and "\x1b" not in label(name)
