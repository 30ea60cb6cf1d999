"""What a reader finds in the Markdown, without drawing a picture."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from pocketbert.bench.records.results import FlippedRow, Flips, Paired, Profile, Results
from pocketbert.bench.report.format.markdown import code, fold, table, text
from pocketbert.bench.report.page import compose
from pocketbert.bench.stats.intervals import Interval
from pocketbert.compress.manifest import Step, Try
from tests.support.results import FILE

PICTURES = ["accuracy-latency.svg", "guard.svg", "latency.svg", "memory.svg", "size.svg"]
PARTS = ["accuracy", "latency", "memory", "size"]


def _unfolded(markdown: str) -> str:
    return re.sub(r"<details>.*?</details>", "", markdown, flags=re.DOTALL)


def _fold(markdown: str, summary: str) -> str:
    folds: list[str] = re.findall(r"<details>.*?</details>", markdown, flags=re.DOTALL)
    return next(f for f in folds if summary in f)


def _first_lines(markdown: str, count: int = 3) -> list[str]:
    return [line for line in markdown.splitlines() if line][1 : count + 1]


def test_verdicts_come_first(results: Results) -> None:
    assert _first_lines(compose(results, [], FILE), 1) == ["**Gate: 3 ok, 1 improved, nothing regressed.**"]


def test_first_lines_name_a_rolled_back_step(rolled_back: Results) -> None:
    assert _first_lines(compose(rolled_back, [], FILE))[1] == (
        "- **distill was rolled back**: accuracy 84.1 % against the teacher's 86.5 %, drop 2.4 points (1.1 to 3.7), "
        "allowed 1.0; the model of prune-heads ships."
    )


def test_first_lines_name_unsettled_steps(results: Results) -> None:
    line = _first_lines(compose(results, [], FILE))[1]
    assert line.startswith("- **Unsettled:**")
    assert "prune-heads" not in line
    # What does not change the model repeats its drop: said once.
    settled = r"\(0\.7 points, 0\.0 to 1\.4; about \d?\d,\d{3} rows would settle it\)"
    assert re.search(rf"accept: distill, torch-fp32, onnx-fp32 {settled}; onnx-int8 \(0\.7 points, ", line), line


def test_first_lines_name_a_weakened_step_and_the_details_what_was_tried(results: Results) -> None:
    step = next(s for s in results.steps if s.name == "02-prune-heads")
    assert step.comparison is not None
    far = step.comparison.model_copy(update={"drop": 0.031})
    tries = [
        Try(strength=0.5, comparison=far, accepted=False),
        Try(strength=0.25, spare=[3], comparison=step.comparison, accepted=True),
    ]
    steps = [s.model_copy(update={"tries": tries}) if s is step else s for s in results.steps]
    markdown = compose(results.model_copy(update={"steps": steps}), [], FILE)
    assert (
        "- **prune-heads was weakened from 0.5 to 0.25 with layer 3 given back**: at first the drop was 3.1 points, "
        "allowed 1.0."
    ) in _first_lines(markdown)
    rows = [re.split(r" *\| *", line) for line in markdown.splitlines() if line.startswith("| `02-prune-heads`")]
    assert [row[2:4] + row[-2:-1] for row in rows[-2:]] == [["0.5", "–", "rejected"], ["0.25", "3", "accepted"]]


def test_an_int8_file_with_layers_in_float_says_so_and_which(results: Results) -> None:
    step = next(s for s in results.steps if s.name == "onnx-int8")
    assert step.comparison is not None
    far = step.comparison.model_copy(update={"drop": 0.031})
    layers = ["bert.pooler.dense", "bert.encoder.layer.2.output.dense"]
    failed = "only 90.0% of answers keep their label, needed 95.0%"
    for reason, said in ((failed, failed), (None, "the drop was 3.1 points, allowed 1.0")):
        tries = [
            Try(strength=None, comparison=far, accepted=False, failed=reason),
            Try(strength=None, float_layers=layers[:1], comparison=far, accepted=False),
            Try(strength=None, float_layers=layers, comparison=step.comparison, accepted=True),
        ]
        update = {"tries": tries, "decision": "accepted", "notes": [], "remarks": [f"in float: {', '.join(layers)}"]}
        steps = [s.model_copy(update=update) if s is step else s for s in results.steps]
        markdown = compose(results.model_copy(update={"steps": steps}), [], FILE)
        assert f"- **onnx-int8 keeps 2 layers in float**: with all in INT8 {said}." in _first_lines(markdown)
        assert "onnx-int8: in float: bert.pooler.dense, bert.encoder.layer.2.output.dense" in markdown
        lines = [line.replace("\xa0", " ") for line in markdown.splitlines()]
        rows = [re.split(r" *\| *", line) for line in lines if line.startswith("| `onnx-int8`")]
        assert [row[3] for row in rows[-3:]] == ["–", "1 in float", "2 in float"]
        assert [row[-2] for row in rows[-3:]] == [
            f"rejected: {failed}" if reason else "rejected",
            "rejected",
            "accepted",
        ]


def test_the_build_goes_on_after_a_stage_in_the_middle(results: Results) -> None:
    steps = [
        s.model_copy(update={"decision": "rolled-back"}) if s.name == "02-prune-heads" else s for s in results.steps
    ]
    lines = compose(results.model_copy(update={"steps": steps}), [], FILE)
    assert "**prune-heads was rolled back**" in lines
    assert "; the build went on from the model of finetune." in lines


def test_a_broken_export_is_named_with_its_reason_and_not_its_score(results: Results) -> None:
    broken = Step(
        name="onnx-int8",
        kind="artifact",
        decision="rolled-back",
        comparison=results.steps[-1].comparison,
        notes=["model.onnx: labels agree on 71 % of the rows, 98 % are asked for"],
    )
    lines = compose(results.model_copy(update={"steps": [*results.steps[:-1], broken]}), [], FILE)
    assert (
        "**onnx-int8 was rolled back**: model.onnx: labels agree on 71 % of the rows, 98 % are asked for; "
        "it does not ship."
    ) in lines


def test_two_stages_of_a_kind_keep_their_numbers(rolled_back: Results) -> None:
    again = rolled_back.steps[3].model_copy(update={"name": "04-distill"})
    lines = compose(rolled_back.model_copy(update={"steps": [*rolled_back.steps, again]}), [], FILE)
    assert "**03-distill was rolled back**" in lines
    assert "**04-distill was rolled back**" in lines


def test_a_teacher_below_the_linear_model_is_announced(results: Results) -> None:
    assert results.linear_control
    worse = results.linear_control.comparison.model_copy(update={"value": 0.84, "drop": 0.0131})
    control = results.linear_control.model_copy(update={"comparison": worse})
    lines = _first_lines(compose(results.model_copy(update={"linear_control": control}), [], FILE))
    assert (
        "**The teacher does not beat the linear model:** accuracy 84.0 % against 85.3 %, gain −1.3 points (" in lines[2]
    )


def test_headline_says_faster_smaller_and_at_what_price(results: Results) -> None:
    page = _unfolded(compose(results, [], FILE))
    assert (
        "**`student-int8.onnx` against the teacher: 9.61× faster at P50, 11.0× smaller, accuracy 0.6 points lower.**"
        in page
    )
    assert "mobile-1t, 128 tokens: P50 " in page
    assert "drop 0.6 points (−0.1 to 1.3), allowed 1.0." in page


def test_a_regression_stands_unfolded_with_baseline_measured_and_interval(regressed: Results) -> None:
    page = _unfolded(compose(regressed, [], FILE))
    assert _first_lines(page, 1) == [
        "**Gate failed: 1 regressed, 1 missing, 1 not possible on this machine, 1 inconclusive, 2 ok, 1 improved.**"
    ]
    line = next(line for line in page.splitlines() if line.startswith("- **latency regressed:**"))
    for expected in ("student-int8.onnx", "mobile-1t/128", "0.1210", "[0.1190, 0.1230]", "0.1040", "threshold +5%"):
        assert expected in line
    assert "- **size missing:** student-fp16.onnx" in page
    assert "- **latency inconclusive:**" in page
    assert "- **not possible here**, though in the baseline: latency mobile-4t/128" in page
    assert "memory ok" not in page


def test_many_inconclusive_verdicts_share_one_line(regressed: Results) -> None:
    [unclear] = [v for v in regressed.verdicts if v.outcome == "inconclusive"]
    many = [unclear.model_copy(update={"artifact": name, "profile": "cpu/mix"}) for name in ("a", "b", "c", "d")]
    page = _unfolded(compose(regressed.model_copy(update={"verdicts": many}), [], FILE))
    [line] = [line for line in page.splitlines() if "inconclusive:**" in line]
    assert line.startswith("- **latency inconclusive:**")
    assert line.endswith("`a` cpu/mix; `b` cpu/mix; `c` cpu/mix; `d` cpu/mix")


def test_all_verdicts_are_folded_in_their_units(regressed: Results) -> None:
    folded = _fold(compose(regressed, [], FILE), "All verdicts").replace("\N{NO-BREAK SPACE}", " ")
    assert re.search(r"\*\*regressed\*\* +\| latency .* 0\.104× \| +0\.121× \| +0\.119 to 0\.123 \| +\+5\.0 %", folded)
    assert re.search(r"improved +\| size .* 14\.6 MB \| +13\.9 MB", folded)
    assert re.search(r"ok +\| accuracy .* 86\.0 % \| +85\.9 % \| +drop −0\.2 to 0\.4 \| +1\.0 points", folded)


def test_without_a_baseline_nothing_is_called_unregressed(results: Results) -> None:
    verdicts = [v.model_copy(update={"outcome": "no-baseline", "baseline": None}) for v in results.verdicts]
    page = compose(results.model_copy(update={"verdicts": verdicts, "baseline": None}), [], FILE)
    assert "nothing regressed" not in page
    assert "- **no baseline** yet; accept these figures with" in page
    assert "**Gate: nothing was judged, for lack of a baseline (4 figures).**" in page
    assert "`pocketbert baseline update reports/offline.json`" in page


def test_a_foreign_baseline_is_explained_once(results: Results) -> None:
    reason = "the baseline is from another machine (processor A, here B)"
    update = {"outcome": "no-baseline", "baseline": None, "note": reason, "message": f"m, {reason}; threshold +5%"}
    verdicts = [v if v.metric in ("size", "accuracy") else v.model_copy(update=update) for v in results.verdicts]
    page = compose(results.model_copy(update={"verdicts": [*verdicts, verdicts[0]]}), [], FILE)
    assert page.count(reason) == 1
    assert f"- latency and memory of `student-int8.onnx`: {reason}" in _fold(page, "All verdicts")
    assert page.count("**Not judged: latency and memory.**") == 1
    assert "**no baseline** yet" not in page


def test_main_table_has_teacher_stages_and_artifacts(results: Results) -> None:
    page = _unfolded(compose(results, [], FILE)).replace("\N{NO-BREAK SPACE}", " ")
    row = next(line for line in page.splitlines() if line.startswith("| `student-int8.onnx`"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1:9] == [
        "ships", "85.9 %", "0.6 (−0.1 to 1.3)", "13.4 M", "930 M", "13.9 MB", "12.8 MB", "68.0 MiB (27.0)",
    ]  # fmt: skip
    assert cells[9].startswith("9.61× (")
    assert page.index("| `teacher-fp32.torch`") < page.index("| `02-prune-heads.torch`") < page.index(row)
    assert "- profile `mobile-4t`: needs 4 cores, 2 usable" in page


def test_guard_control_machine_and_command_are_there(results: Results) -> None:
    page = compose(results, [], FILE).replace("\N{NO-BREAK SPACE}", " ")
    assert "<b>The guard's decisions</b>: 6 accepted" in page
    assert "teacher 86.5 %, linear model 85.3 %, gain 1.2 points (0.1 to 2.3)" in page
    assert "```sh\npytest bench --gate-manifest artifacts/offline/manifest.json\n```" in page
    assert "Made 2026-01-14 19:03 UTC in 2 min 43 s by:" in page
    for fact in ("`3f6c1d2a`", "AMD EPYC 9R14", "2.13.0", "avx512_vnni"):
        assert fact in _fold(page, "Machine")


def test_a_profile_under_a_second_name_is_one_column(results: Results) -> None:
    profiles = [
        Profile(name="cpu", threads=2, cores=[0, 1], lengths=["128"]),
        Profile(name="mobile-1t", threads=1, cores=[0], lengths=["128"]),
        Profile(name="mobile-2t", threads=2, cores=[0, 1], lengths=["128"], same_as="cpu"),
    ]
    page = compose(results.model_copy(update={"profiles": profiles}), [], FILE)
    heading = next(line for line in page.splitlines() if line.startswith("| P50 / P90"))
    assert [cell.strip() for cell in heading.strip("|").split("|")][1:] == [
        "cpu = mobile-2t, 128 tokens",
        "mobile-1t, 128 tokens",
    ]


@pytest.mark.parametrize("missing", [[part] for part in PARTS] + [PARTS])
def test_missing_parts_leave_a_readable_page(hollow: Callable[..., Results], missing: list[str]) -> None:
    page = compose(hollow(*missing), [], FILE)
    assert "None" not in page
    assert "nan" not in page
    _check_tables(page)
    if missing == PARTS:
        assert _first_lines(page, 1) == ["**Gate: nothing was measured.**"]


def test_only_a_reference(results: Results) -> None:
    alone = results.model_copy(
        update={
            "artifacts": results.artifacts[:1],
            "steps": [],
            "verdicts": [],
            "linear_control": None,
            "baseline": None,
        }
    )
    page = compose(alone, [], FILE)
    assert "Nothing ships" in page
    _check_tables(page)


def test_nothing_at_all(results: Results) -> None:
    page = compose(results.model_copy(update={"artifacts": [], "steps": [], "profiles": [], "verdicts": []}), [], FILE)
    assert _first_lines(page, 1) == ["**Gate: nothing was measured.**"]


def test_failures_say_what_could_not_be_measured(results: Results) -> None:
    failed = results.artifacts[-1].model_copy(update={"memory": None, "failures": ["memory: the child | died"]})
    page = compose(results.model_copy(update={"artifacts": [*results.artifacts[:-1], failed]}), [], FILE)
    assert "- `student-int8.onnx`: memory: the child &#124; died" in page


@pytest.mark.parametrize("kind", ["results", "rolled_back", "regressed"])
def test_tables_are_well_formed_and_render(kind: str, request: pytest.FixtureRequest) -> None:
    page = compose(request.getfixturevalue(kind), PICTURES, FILE)
    count = _check_tables(page)
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(page)
    assert sum(token.type == "table_open" for token in tokens) == count
    assert page.count("<details>") == page.count("</details>") >= 7
    for name in PICTURES:
        assert f"](offline/{name})" in page
    assert "`" not in "".join(re.findall("<summary>.*", page)), "GitHub takes a summary for HTML"
    bullets = [block for block in page.partition("<details>")[0].split("\n\n") if block.startswith("- **")]
    assert len(bullets) <= 1, "a blank line makes a loose list"


def test_somebody_elses_words_break_no_table() -> None:
    shown = table(["name", "figure"], [[text("a|b <details> &\nc"), "1 MB"], [code("x|`y"), ""]])
    _check_tables(shown)
    assert "<details>" not in shown
    assert "1\N{NO-BREAK SPACE}MB" in shown


def test_a_column_without_figures_is_left_out() -> None:
    assert "macs" not in table(["name", "macs", "bytes"], [["a", "", "1"], ["b", "", ""]])


def test_folds_keep_their_blank_lines() -> None:
    assert fold("s", "one", "", "two") == "<details>\n<summary>s</summary>\n\none\n\ntwo\n\n</details>"


def _check_tables(page: str) -> int:
    """Every row of a table has as many cells as its heading, and blank lines stand around it; how many there are."""
    blocks = [b.splitlines() for b in page.split("\n\n") if b.lstrip().startswith("|")]
    for rows in blocks:
        assert len({row.count("|") for row in rows}) == 1, rows[0]
        assert re.fullmatch(r"(\|:?-+:?)+\|", rows[1])
    assert sum(len(b) for b in blocks) == sum(line.startswith("|") for line in page.splitlines())
    return len(blocks)


def test_pairs_are_folded_with_change_and_interval(results: Results) -> None:
    around = Interval(estimate=0.031, low=0.012, high=0.05)
    pair = Paired(
        artifact="student-int8.onnx",
        profile="mobile-1t",
        length="128",
        against="0" * 64,
        outcome="ok",
        change=around,
        change_p90=Interval(estimate=-0.02, low=-0.05, high=0.01),
        limit=0.05,
        logs=[0.03] * 6,
        logs_p90=[0.03] * 6,
        preempted=0.25,
        seconds=4.2,
    )
    why = {"student-fp32.onnx": "the baseline's file is not in the artifact store"}
    page = compose(results.model_copy(update={"paired": [pair], "unpaired": why}), [], FILE)
    folded = _fold(page, "Beside the baseline").replace("\N{NO-BREAK SPACE}", " ")
    assert re.search(r"ok +\| +▲ \+3\.1 % \(1\.2 to 5\.0\) \| +−2\.0 % \(−5\.0 to 1\.0\) \| +6 \| +25\.0 %", folded)
    assert "- `student-fp32.onnx` was not timed beside it: the baseline's file is not in the artifact store" in folded
    assert "Beside the baseline" not in compose(results, [], FILE)


def test_flipped_rows_are_folded(results: Results) -> None:
    flips = Flips(
        artifact="student-int8.onnx",
        against="the baseline",
        lost=12,
        won=9,
        lost_rows=[FlippedRow(row=7, text="很|好 @某人 `#1`", label="pos")],
        won_rows=[],
    )
    page = compose(results.model_copy(update={"flips": [flips]}), [], FILE)
    folded = _fold(page, "Rows that flipped")
    assert "12 lost, 9 won" in folded
    assert re.search(r"\| lost +\| 7 +\| `pos` +\| `很¦好 @某人 '#1'`", folded), (
        "somebody is called, or a cell ends early"
    )


def test_the_command_for_a_baseline_names_the_file_that_the_run_left(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = [v.model_copy(update={"outcome": "no-baseline", "note": ""}) for v in results.verdicts]
    theirs = results.model_copy(update={"verdicts": new})
    monkeypatch.chdir(tmp_path)
    for file in (Path("build/reports/mine.json"), tmp_path / "build/reports/mine.json"):
        assert "`pocketbert baseline update build/reports/mine.json`" in compose(theirs, [], file)
