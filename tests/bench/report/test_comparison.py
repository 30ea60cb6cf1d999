"""Two results files, side by side."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from markdown_it import MarkdownIt
from typer import Typer
from typer.testing import CliRunner

from pocketbert.bench.cli import report
from pocketbert.bench.records.results import Results, Weighed, pack
from pocketbert.bench.report.comparison import compose
from pocketbert.bench.report.differences import Difference, Differences
from pocketbert.bench.stats.intervals import Interval
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import write_json
from pocketbert.compress.manifest import TaskSpec
from pocketbert.compress.tasks.paired import newcombe_drop
from tests.support.results import INT8

Change = Callable[..., Results]


@pytest.fixture
def changed(results: Results) -> Change:
    """The results with fields of one artifact replaced."""

    def change(artifact: str = INT8, **fields: object) -> Results:
        artifacts = [a.model_copy(update=fields) if a.id == artifact else a for a in results.artifacts]
        return results.model_copy(update={"artifacts": artifacts})

    return change


def slower(results: Results, factor: float) -> Weighed:
    """The INT8 student with every ratio and time `factor` times as large."""
    artifact = results.artifact(INT8)
    times = [
        m.model_copy(
            update={
                "ratio": Interval(**{k: v * factor for k, v in m.ratio.model_dump().items()}),
                "p50_ms": m.p50_ms * factor,
            }
        )
        for m in artifact.latency
    ]
    return artifact.model_copy(update={"latency": times})


def of(found: Differences, quantity: str, place: str = "") -> Difference:
    return next(d for d in found.of(INT8) if (d.quantity, d.place) == (quantity, place))


def page(before: Results, now: Results) -> str:
    return compose("a.json", "b.json", before, now).replace("\N{NO-BREAK SPACE}", " ")


def test_two_branches_are_told_apart_by_their_commits(results: Results) -> None:
    was, now = (results.model_copy(update={"commit": letter * 40}) for letter in "ab")
    assert re.search(rf"\| commit +\| \*\*`{'a' * 12}`\*\* +\| \*\*`{'b' * 12}`\*\*", page(was, now))


@pytest.mark.parametrize(("factor", "direction"), [(1.0, None), (1.015, None), (1.10, "more"), (0.9, "less")])
def test_latency_is_said_to_change_only_where_its_interval_says_so(
    results: Results, changed: Change, factor: float, direction: str | None
) -> None:
    found = Differences(results, changed(latency=slower(results, factor).latency))
    d = of(found, "latency", "mobile-1t/128")
    assert d.change
    assert d.change.estimate == pytest.approx(factor - 1)
    # Two intervals of ±1.5 % each, independent: their logs add up as squares.
    assert d.change.high == pytest.approx(factor * np.exp(np.hypot(np.log(1.015), np.log(1 / 0.985))) - 1)
    assert d.direction == direction
    assert d.worse == (direction == "more")


def test_two_machines_compare_ratios_and_neither_milliseconds_nor_memory(results: Results, changed: Change) -> None:
    now = changed(latency=slower(results, 1.1).latency)
    elsewhere = now.machine.model_copy(update={"cpu": "Cortex-A76", "fingerprint": "feed"})
    there = now.model_copy(update={"machine": elsewhere})
    found = Differences(results, there)
    assert of(found, "memory").change is None
    assert of(found, "latency", "mobile-1t/128").direction == "more"
    shown = page(results, there)
    assert "- **Two machines**: AMD EPYC 9R14 (`3f6c1d2a`) and Cortex-A76 (`feed`)." in shown
    assert ", ms" not in shown
    assert "P50, first, ms" in page(results, now)


def test_ratios_to_two_teachers_are_not_compared_but_milliseconds_are(results: Results, changed: Change) -> None:
    now = changed(results.reference, macs=1)
    found = Differences(results, now)
    assert of(found, "latency", "mobile-1t/128").change is None
    shown = page(results, now)
    assert "- **Two teachers**" in shown
    assert re.search(rf"`{INT8}` +\| +9\.\d+ → 9\.\d+ ms", shown)


def test_scores_are_paired_row_by_row(results: Results, changed: Change) -> None:
    draw = np.random.default_rng(0)
    was = draw.random(3472) < 0.86
    now = was & (draw.random(3472) > 0.02)
    score = results.artifact(INT8).accuracy
    assert score
    before = changed(accuracy=score.model_copy(update=pack(was) | {"value": was.mean()}))
    after = changed(accuracy=score.model_copy(update=pack(now) | {"value": now.mean()}))
    drop = newcombe_drop(was, now)
    d = of(Differences(before, after), "score")
    assert d.change
    assert (d.change.estimate, d.change.low, d.change.high) == (-drop.estimate, -drop.high, -drop.low)
    assert d.worse
    assert not of(Differences(after, before), "score").worse
    other = changed(accuracy=score.model_copy(update=pack(now) | {"test_sha256": "2" * 64}))
    assert of(Differences(before, other), "score").change is None
    assert "**Other test rows**" in page(before, other)


def test_entities_are_compared_by_their_own_interval(results: Results, changed: Change) -> None:
    """One bit per row would lose how many entities of a row were found."""
    draw = np.random.default_rng(0)
    true = draw.integers(1, 6, 400)
    found = np.stack([true, true, true], axis=1).astype(np.uint8)  # found, claimed, true
    fewer = found.copy()
    fewer[:200, 0] -= 1
    score = results.artifact(INT8).accuracy
    assert score
    spec = TaskSpec(kind="tagging", labels=["O", "B-PER", "I-PER"], max_length=32, test="test.parquet")
    before, after = (
        changed(
            accuracy=score.model_copy(update=pack(counts) | {"metric": "f1", "value": value, "rows": 400})
        ).model_copy(update={"task": spec})
        for counts, value in ((found, 1.0), (fewer, 1 - 200 / true.sum()))
    )
    d = of(Differences(before, after), "score")
    assert d.change
    assert d.change.estimate == pytest.approx(-200 / true.sum())
    assert d.worse


def test_memory_and_size_change_only_beyond_what_means_nothing(results: Results, changed: Change) -> None:
    small = results.artifact(INT8)
    assert small.memory
    assert small.size
    a_little = changed(
        memory=small.memory.model_copy(update={"own_mib": 28.0}),
        size=small.size.model_copy(update={"bytes": small.size.bytes + 100}),
    )
    found = Differences(results, a_little)
    assert (of(found, "memory").direction, of(found, "size").direction) == (None, None)
    much = changed(
        memory=small.memory.model_copy(update={"own_mib": 30.0}),
        size=small.size.model_copy(update={"bytes": small.size.bytes - 1_000_000}),
    )
    found = Differences(results, much)
    assert (of(found, "memory").direction, of(found, "size").direction) == ("more", "less")


def test_the_page_says_what_with_what_and_marks_what_is_certain(results: Results, changed: Change) -> None:
    now = changed(latency=slower(results, 1.1).latency, id="student-int8.onnx")
    now = now.model_copy(
        update={
            "artifacts": [a for a in now.artifacts if a.id != "student-fp32.onnx"],
            "recipe": "other",
            "machine": now.machine.model_copy(update={"versions": {**now.machine.versions, "onnxruntime": "1.33.0"}}),
        }
    )
    shown = page(results, now)
    unfolded = re.sub(r"<details>.*?</details>", "", shown, flags=re.DOTALL)
    assert "`b.json` against `a.json`: **of 6 artifacts 1 slower.**" in unfolded
    assert "- **Two recipes**: `offline` and `other`" in unfolded
    assert "- **Other libraries**: onnxruntime 1.32.0 → 1.33.0" in unfolded
    assert "- only in the first: `student-fp32.onnx`" in unfolded
    row = next(line for line in unfolded.splitlines() if line.startswith(f"| `{INT8}`"))
    assert re.search(r"\*\*▲ \+10\.0 % \(\d+\.\d to \d+\.\d\)\*\*", row)
    assert unfolded.count("▲") == 2  # that row, and the legend
    assert len(unfolded.splitlines()) < 30
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(shown)
    assert sum(token.type == "table_open" for token in tokens) == 6
    assert len(re.findall(r"^\|:?-", shown, flags=re.MULTILINE)) == 6


def test_one_file_for_two_runtimes_is_one_pair(results: Results, changed: Change) -> None:
    pte = INT8.replace(".onnx", ".pte")
    shown = page(results, changed(id=pte, runtime="executorch"))
    assert f"- **Two runtimes**: `{pte}` ran in onnxruntime and in executorch." in shown
    assert "only in the" not in shown


def test_two_runtimes_are_named(results: Results, changed: Change) -> None:
    shown = page(results, changed(runtime="executorch"))
    assert f"- **Two runtimes**: `{INT8}` ran in onnxruntime and in executorch." in shown


def test_nothing_in_common_is_one_line(results: Results) -> None:
    artifacts = [results.artifacts[0].model_copy(update={"id": "x"})]
    alone = results.model_copy(update={"artifacts": artifacts, "reference": "x"})
    with pytest.raises(BadInput, match=r"^a\.json and b\.json: no artifact of the same id in both: .*; x$"):
        page(results, alone)


def test_the_command_writes_beside_the_second(results: Results, tmp_path: Path) -> None:
    app = Typer()
    app.command()(report)
    for name in ("a", "b"):
        write_json(tmp_path / f"{name}.json", results)
    said = CliRunner().invoke(app, [str(tmp_path / "a.json"), str(tmp_path / "b.json")])
    assert said.exit_code == 0
    assert "no certain change" in (tmp_path / "b-against-a.md").read_text(encoding="utf-8")
