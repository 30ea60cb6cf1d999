"""`pocketbert compare`: what it prints, its page, and its exit code."""

import json
from pathlib import Path

import pytest

from pocketbert.bench.records.results import Results
from pocketbert.compress.base.files import write_json
from tests.support.commands import command


@pytest.fixture
def runs(weighed: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """reports/tiny.json, and branch.json whose file `small` is twice as large."""
    monkeypatch.chdir(tmp_path)
    write_json(Path("reports/tiny.json"), weighed)
    grown = [
        a.model_copy(update={"size": a.size.model_copy(update={"bytes": 2 * a.size.bytes})})
        if a.id == "small" and a.size
        else a
        for a in weighed.artifacts
    ]
    write_json(Path("branch.json"), weighed.model_copy(update={"artifacts": grown}))


@pytest.mark.usefixtures("runs")
def test_two_runs_are_compared_by_name_or_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "compare", "tiny", "branch.json") == 0
    shown = capsys.readouterr().out
    [line] = [
        line for line in shown.splitlines() if line.startswith("small") and " size " in line and "comp" not in line
    ]
    assert line.endswith("+100.0 % worse")
    assert "written: branch-against-tiny.md" in shown
    assert "of 3 artifacts 1 larger." in Path("branch-against-tiny.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("runs")
def test_a_figure_beyond_its_limit_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "compare", "tiny", "branch.json", "--fail", "size=1%", "--fail", "accuracy=1pp") == 1
    assert capsys.readouterr().err == (
        "beyond the limit: small: size +100.0 %, limit +1 %\n"
        "pocketbert: branch.json: figures that are worse than in reports/tiny.json by more than --fail allows: 1\n"
    )
    assert command(monkeypatch, "compare", "branch.json", "tiny", "--fail", "size=1%") == 0
    assert command(monkeypatch, "compare", "tiny", "branch.json", "--fail", "size") == 2


@pytest.mark.usefixtures("runs")
def test_json_lists_every_difference_as_the_page_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "compare", "tiny", "branch.json", "--json") == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    [size] = [d for d in found if (d["artifact"], d["quantity"]) == ("small", "size")]
    assert size["second"] == 2 * size["first"]
    assert (size["change"]["estimate"], size["worse"]) == (1.0, True)
    assert {d["place"] for d in found if d["quantity"] == "latency"} == {"mobile-1t/128", "mobile-1t/mix"}
    assert said.err == "written: branch-against-tiny.md\n"
