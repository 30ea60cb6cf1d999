"""The page as a whole: its order, its folds, and what becomes of missing parts."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from pocketbert.bench.records.results import Results
from pocketbert.bench.report.page import compose, write_report
from tests.support.reports import check_tables, first_lines, fold_of, plain, unfolded
from tests.support.results import FILE

PICTURES = ["accuracy-latency.svg", "forest.svg", "guard.svg", "latency.svg", "memory.svg", "size.svg"]
PARTS = ["accuracy", "latency", "memory", "size"]


def test_verdicts_come_first(results: Results) -> None:
    assert first_lines(compose(results, [], FILE), 1) == [
        "**Gate passed: 4 of 4 measured checks passed, 1 of them improved.**"
    ]


def test_the_first_screen_has_the_guard_the_verdicts_and_the_headline(regressed: Results) -> None:
    page = unfolded(compose(regressed, [], FILE))
    order = [
        "**Gate failed:",
        "| **`student-int8.onnx`**<br>❌ latency P50",
        "- **size missing:**",
        "**`student-int8.onnx` against",
        "| model",
    ]
    places = [page.index(words) for words in order]
    assert places == sorted(places)
    assert "Accepted, but not certain" not in page


def test_all_checks_say_what_they_are_compared_with(results: Results) -> None:
    assert "Compared with `baselines/offline.json`." in fold_of(compose(results, [], FILE), "All checks")
    alone = results.model_copy(update={"baseline": None})
    assert "There is no baseline yet." in fold_of(compose(alone, [], FILE), "All checks")


def test_every_interval_has_a_level(beside: Results) -> None:
    page = compose(beside, [], FILE)
    assert "95 % CI" in unfolded(page)
    headers = [line for line in page.splitlines() if line.startswith("| ") and ("change" in line or "P90 (" in line)]
    headers = [line for line in headers if "|:" not in line and "`" not in line]
    assert headers
    assert all("95 % CI" in line for line in headers), headers


def test_guard_control_machine_and_command_are_there(results: Results) -> None:
    page = plain(compose(results, [], FILE))
    assert "<b>Build steps</b>: 6 accepted" in page
    assert "<b>Linear baseline</b>: teacher 86.5 %, linear baseline 85.3 %, +1.2 pp (+0.1 to +2.3)" in page
    assert "```sh\npytest bench --gate-manifest artifacts/offline/manifest.json\n```" in page
    assert "Made 2026-01-14 19:03 UTC in 2 min 43 s by:" in page
    for fact in ("`3f6c1d2a`", "AMD EPYC 9R14", "2.13.0", "avx512_vnni"):
        assert fact in fold_of(page, "Machine")


def test_without_a_command_the_sentence_ends(results: Results) -> None:
    page = compose(results.model_copy(update={"command": "", "commit": "c" * 40}), [], FILE)
    assert "Made 2026-01-14 19:03 UTC of commit `cccccccccccc` in 2 min 43 s.\n\nEvery number" in page


def test_pairs_are_explained_by_the_interpreter_that_ran_them(beside: Results, results: Results) -> None:
    assert "The baseline's own file comes from" in fold_of(compose(beside, [], FILE), "Paired timings")
    other = beside.model_copy(update={"other_versions": {"torch": "2.0", "onnxruntime": "1.1"}})
    assert "another interpreter (onnxruntime 1.1, torch 2.0)" in fold_of(compose(other, [], FILE), "Paired")
    alone = results.model_copy(update={"unpaired": {"student-fp32.onnx": "not in the store"}})
    assert "No pair was timed." in fold_of(compose(alone, [], FILE), "Paired timings")
    assert "Paired timings" not in compose(results, [], FILE)


def test_a_picture_that_no_fold_knows_is_shown_too(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    from pocketbert.bench.report import page
    from pocketbert.bench.report.plots import pictures, size

    monkeypatch.setattr(page, "pictures", lambda: pictures() | {"new.svg": size})
    assert "(offline/new.svg)" in fold_of(compose(results, [*PICTURES, "new.svg"], FILE), "More pictures")
    assert "More pictures" not in compose(results, PICTURES, FILE)


@pytest.mark.parametrize("missing", [[part] for part in PARTS] + [PARTS])
def test_missing_parts_leave_a_readable_page(hollow: Callable[..., Results], missing: list[str]) -> None:
    page = compose(hollow(*missing), [], FILE)
    assert "None" not in page
    assert "nan" not in page
    check_tables(page)
    if missing == PARTS:
        assert first_lines(page, 1) == ["**Gate: nothing was measured.**"]


def test_only_a_reference(results: Results) -> None:
    nothing = {"steps": [], "verdicts": [], "linear_control": None, "baseline": None}
    page = compose(results.model_copy(update={"artifacts": results.artifacts[:1], **nothing}), [], FILE)
    assert "Nothing was exported" in page
    check_tables(page)


def test_nothing_at_all(results: Results) -> None:
    page = compose(results.model_copy(update={"artifacts": [], "steps": [], "profiles": [], "verdicts": []}), [], FILE)
    assert first_lines(page, 1) == ["**Gate: nothing was measured.**"]
    assert "95 % CI in brackets" not in page


@pytest.mark.parametrize("kind", ["results", "rolled_back", "regressed"])
def test_tables_are_well_formed_and_render(kind: str, request: pytest.FixtureRequest) -> None:
    page = compose(request.getfixturevalue(kind), PICTURES, FILE)
    count = check_tables(page)
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(page)
    assert sum(token.type == "table_open" for token in tokens) == count
    assert page.count("<details>") == page.count("</details>") >= 7
    for name in PICTURES:
        assert f"](offline/{name})" in page
    assert "`" not in "".join(re.findall("<summary>.*", page)), "GitHub takes a summary for HTML"
    bullets = [block for block in page.partition("<details>")[0].split("\n\n") if block.startswith("- **")]
    assert len(bullets) <= 1, "a blank line makes a loose list"


def test_the_page_of_a_part_says_so_and_has_no_history(hollow: Callable[..., Results], tmp_path: Path) -> None:
    part = hollow(*PARTS).model_copy(update={"steps": [], "verdicts": [], "part": True})  # draws nothing
    (tmp_path / "offline.history.jsonl").mkdir()  # reading it would fail
    page = write_report(part, tmp_path / "offline.part.json").read_text(encoding="utf-8")
    assert "Only a part was measured" in unfolded(page)
    written = sorted(path.name for path in tmp_path.glob("offline.part*"))
    assert written == ["offline.part.html", "offline.part.md", "offline.part.pr.md"]
