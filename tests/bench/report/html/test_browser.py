"""The HTML report in headless Chromium: sort, filter, hover, downloads, phone width, dark scheme, accessibility."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pocketbert.bench.records.history import append, load
from pocketbert.bench.records.results import Changed, FlippedRow, Flips, Results, Why
from pocketbert.bench.report.html import compose
from tests.support.browser import chromium, serious
from tests.support.results import INT8, TEACHER

MARKUP = "<img src=x onerror=alert(1)></script><b>教师</b>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def file(copied: Results, beside: Results, tmp_path: Path) -> Path:
    """A page in which every section has something to show, and a hostile name."""
    rows = [FlippedRow(row=n, label="pos", text="" if n else MARKUP) for n in range(3)]
    score = copied.artifact(INT8).accuracy
    assert score
    counted = score.model_copy(update={"confusion": [[8, 2], [1, 9]]})
    types = score.model_copy(update={"confusion": [], "entities": {"LOC": (6, 8, 10), "PER": (0, 0, 1_000)}})
    scores = {INT8: {"accuracy": counted}, TEACHER: {"accuracy": types}}
    artifacts = [a.model_copy(update=scores.get(a.id, {})) for a in copied.artifacts]
    update = {
        "artifacts": artifacts,
        "verdicts": [*beside.verdicts[:1], *copied.verdicts[1:]],
        "flips": [Flips(artifact=INT8, against=MARKUP, lost=3, won=0, lost_rows=rows, won_rows=[])],
        "why": [
            Why(
                artifact=INT8,
                metrics=["latency"],
                evidence={"operators": [Changed(what=MARKUP, was="1", now="2", cost=0.5, unit="ms")]},
            )
        ],
    }
    results = copied.model_copy(update=update)
    for commit in "abcdefgh":
        made = {"commit": commit * 40, "subject": MARKUP}
        append(tmp_path / "history", results.model_copy(update=made), "monday")
    page = tmp_path / "report.html"
    page.write_text(compose(results, load(tmp_path / "history")), encoding="utf-8")
    return page


@pytest.fixture
def page(browser: Any, file: Path) -> Iterator[Any]:
    """The page, opened from the disk; a complaint of the browser fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "request", lambda asked: None if asked.url.startswith(("file:", "blob:")) else complaints.append(asked.url)
    )
    opened.on("dialog", lambda dialog: complaints.append(dialog.message))
    opened.goto(file.as_uri())
    yield opened
    context.close()
    assert complaints == []


def column(page: Any, title: str) -> list[str]:
    """The cells of a column of the table of checks."""
    heads = page.locator("#checks thead th").all_inner_texts()
    number = next(n for n, head in enumerate(heads) if head.startswith(title)) + 1
    texts: list[str] = page.locator(f"#checks tbody tr:not(.detail) td:nth-child({number})").all_inner_texts()
    return texts


def test_every_section_is_there_and_texts_are_texts(page: Any) -> None:
    sections = page.locator("main > section").evaluate_all("all => all.map(each => each.id)")
    assert sections == [
        "checks", "forest", "latency", "accuracy", "flips", "size", "memory", "build", "history", "why", "facts",
    ]  # fmt: skip
    assert page.locator("nav a").count() == len(sections)
    assert MARKUP in page.locator("#flips").inner_text()
    assert page.locator("img").count() == 0


def test_the_checks_are_sorted_by_a_press_on_a_header(page: Any) -> None:
    assert column(page, "verdict")[0] == "✗ regressed", "the failing ones come first"
    header = page.locator("#checks thead button", has_text="check")
    header.click()
    names = column(page, "check")
    assert names == sorted(names, key=str.lower)
    assert page.locator("#checks th[aria-sort=ascending]").inner_text().startswith("check")
    header.click()
    assert column(page, "check") == names[::-1]
    page.locator("#checks thead button", has_text="verdict").focus()
    page.keyboard.press("Enter")
    assert column(page, "verdict")[0] == "✗ regressed", "the keyboard sorts as well"


def test_the_filters_narrow_table_and_forest(page: Any) -> None:
    everything = len(column(page, "check"))
    page.get_by_label("show checks that were not repeated").check()
    assert len(column(page, "check")) > everything
    page.get_by_label("show checks that were not repeated").uncheck()
    page.locator("#checks").get_by_label("metric").select_option("size")
    assert column(page, "check") == ["size on disk"]
    assert page.locator("#forest svg [data-check]").count() == 1
    page.locator("#checks").get_by_label("metric").select_option("")
    page.locator("#search").fill("no such check")
    assert "Nothing fits the filters." in page.locator("#checks table").inner_text()
    assert page.locator("#count").inner_text().startswith("0 of ")


def test_a_mark_explains_itself_on_hover_and_on_focus(page: Any) -> None:
    row = page.locator("#forest [data-check]").first
    row.scroll_into_view_if_needed()
    row.hover()
    tip = page.locator("#tip")
    assert re.search(r"latency P50.*\n.*limit \+5 %\nregressed", tip.inner_text(), flags=re.DOTALL)
    page.mouse.move(0, 0)
    page.keyboard.press("Escape")
    assert tip.is_hidden()
    page.locator("#size svg .mark").first.focus()
    assert "of the file" in tip.inner_text()
    assert "of the file" in page.locator("#size svg .mark").first.get_attribute("aria-label")


def test_a_row_of_the_forest_leads_to_its_check_and_the_check_to_its_command(page: Any) -> None:
    page.locator("#forest [data-check]").first.click()
    focused = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused.startswith(f"show details of {INT8}, latency P50")
    page.keyboard.press("Enter")
    assert f"-k 'test_latency[{INT8}-" in page.locator("tr.detail:visible").inner_text()


def test_latency_accuracy_and_history_follow_their_controls(page: Any) -> None:
    latency = page.locator("#latency")
    assert latency.locator("svg path.before").count() == 1
    latency.get_by_role("checkbox").uncheck()
    assert latency.locator("svg path.before").count() == 0
    latency.get_by_label("unit").select_option("teacher")
    assert "×" in "".join(latency.locator("svg text").all_text_contents())
    page.locator("#accuracy").get_by_label("file").select_option(INT8)
    assert "80.0 %" in page.locator("#accuracy table").last.inner_text()
    page.locator("#accuracy").get_by_label("file").select_option(TEACHER)
    types = page.locator("#accuracy table").last.locator("tbody tr").all_inner_texts()
    assert [row.split("\t") for row in types] == [
        ["LOC", "75.0 %", "60.0 %", "66.7 %", "10"],
        ["PER", "–", "0.0 %", "0.0 %", "1,000"],
    ]
    assert page.locator("#accuracy table").count() == 2, "a tagger has no confusion matrix"
    history = page.locator("#history")
    before = history.locator("circle").count()
    history.locator("circle").last.hover()
    assert f"commit hhhhhhh: {MARKUP}" in page.locator("#tip").inner_text()
    history.get_by_role("button", name="zoom in").click()
    assert 0 < history.locator("circle").count() < before
    assert history.locator("[role=status]").inner_text() == "runs 2 to 7 of 8"
    history.get_by_role("button", name="all").click()
    assert history.locator("circle").count() == before


def test_the_downloads_are_json_and_csv(page: Any) -> None:
    contents = []
    for name in ("JSON", "CSV"):
        with page.expect_download() as saved:
            page.get_by_role("button", name=name).click()
        contents.append(Path(saved.value.path()).read_text(encoding="utf-8"))
    assert contents[0].startswith('{\n "recipe": "offline"')
    lines = contents[1].splitlines()
    assert lines[0].startswith("outcome,artifact,metric,place,")
    assert f'"regressed","{INT8}","latency"' in lines[1]


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_wider_than_the_screen(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_scheme_is_the_browsers(page: Any) -> None:
    def ground() -> str:
        found: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return found

    assert ground() == "rgb(255, 255, 255)"
    page.emulate_media(color_scheme="dark")
    assert ground() == "rgb(13, 17, 23)"
    assert (
        page.evaluate("getComputedStyle(document.querySelector('svg text:not(.muted)')).fill") == "rgb(230, 237, 243)"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Any, file: Path, scheme: str) -> None:
    context = browser.new_context(bypass_csp=True, color_scheme=scheme)
    opened = context.new_page()
    opened.goto(file.as_uri())
    opened.locator("#checks td button").first.click()
    assert serious(opened) == []
    context.close()
