"""The state of a build: rows are tokenized once per tokenizer, and every build decides anew about cached steps."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.manifest import Comparison, Step, Try
from pocketbert.compress.pipeline.cache import read_step
from pocketbert.compress.pipeline.guard import GuardStopped
from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.pipeline.steps.step import Build, FinishedStep
from pocketbert.compress.tasks.classification import Classification
from pocketbert.compress.tasks.inputs import Columns, Inputs
from tests.support.models import BAD, GOOD, Heard, with_first_stage, write_tiny_model
from tests.support.recipes import run
from tests.support.tokenizers import save_wordpiece


def test_rows_are_tokenized_once_per_tokenizer(
    tiny_recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three tokenizers: the teacher's, the same without some tokens, and the student's own."""
    encode, counts = Classification.encode, Counter[tuple[int, int]]()

    def counting(self: Classification, tokenizer: Tokenizer, rows: Columns) -> Inputs:
        counts[tokenizer.get_vocab_size(), len(rows["text"])] += 1
        return encode(self, tokenizer, rows)

    monkeypatch.setattr(Classification, "encode", counting)
    save_wordpiece(write_tiny_model(tmp_path / "other", num_hidden_layers=1))
    with_first_stage(tiny_recipe, f'kind = "prune-vocab"\ntokens = {json.dumps(list(GOOD + BAD), ensure_ascii=False)}')
    overrides = {
        "teacher__epochs": "1",
        "guard__max_drop": "0.9",
        "stage__1__student": f'{{ init = "{tmp_path / "other"}" }}',
        "artifact": '[{ format = "torch" }]',
    }
    run(tiny_recipe, tmp_path / "tiny", **overrides)
    sizes = {size for size, rows in counts if rows > 1}
    assert len(sizes) == 3
    # 240 training rows; 80 rows are the validation rows, and once the test rows
    assert [counts[size, 240] for size in sizes] == [1, 1, 1]
    assert sum(counts[size, 80] for size in sizes) == 4
    counts.clear()
    manifest, heard = run(tiny_recipe, tmp_path / "tiny", **overrides)
    assert heard.built == []
    assert {step.decision for step in manifest.steps} == {"reference", "accepted"}
    assert {rows for _, rows in counts} == {1}, "rows were tokenized for cached steps"


@pytest.fixture
def build(tiny_recipe: Path, tmp_path: Path) -> Build:
    return Build(load_recipe(tiny_recipe), tmp_path / "tiny", Heard())


def test_equal_tokenizer_files_share_their_rows(build: Build, tiny_model: Path, tmp_path: Path) -> None:
    first = build.tokens(tiny_model / "tokenizer.json")
    assert build.tokens(Path(shutil.copy(tiny_model / "tokenizer.json", tmp_path / "copy.json"))) is first
    save_wordpiece(tmp_path / "other")
    assert build.tokens(tmp_path / "other/tokenizer.json") is not first


def made(build: Build, folder: str, tiny_model: Path, **fields: object) -> FinishedStep:
    """A step that copies a tokenizer."""
    step = Step(name=folder, kind="x", decision="accepted", key=folder)

    def work(out: Path, _: Path) -> Step:
        (out / "tokenizer").mkdir()
        shutil.copy(tiny_model / "tokenizer.json", out / "tokenizer")
        return step.model_copy(update={"remarks": ["copied"], **fields})

    return build.step(build.root / "stages" / folder, step, work)


def said(build: Build) -> list[str]:
    assert isinstance(build.progress, Heard)
    return build.progress.lines


def test_a_step_is_made_once_and_says_so(build: Build, tiny_model: Path) -> None:
    (build.root).mkdir()
    (build.root / "manifest.json").touch()
    first = made(build, "01-x", tiny_model)
    assert said(build) == ["01-x: building", "  copied"]
    assert not (build.root / "manifest.json").exists(), "it describes files that are gone"
    (build.root / "manifest.json").touch()
    again = made(build, "01-x", tiny_model)
    assert again.step == first.step
    assert len(said(build)) == 2
    assert (build.root / "manifest.json").exists()


def test_a_step_of_the_recipe_says_how_many_there_are(build: Build, tiny_model: Path) -> None:
    made(build, "02-distill", tiny_model)
    assert said(build)[0] == "02-distill: building (step 3 of 6)"


def test_an_earlier_decision_is_forgotten(build: Build, tiny_model: Path) -> None:
    """Notes and tries are of the rule of that build."""
    first = made(build, "01-x", tiny_model)
    rejected = first.step.model_copy(update={"decision": "rolled-back", "notes": ["too much"]})
    build.record_decision(first, rejected)
    assert '"rolled-back"' in (first.folder / "stage.json").read_text()
    assert made(build, "01-x", tiny_model).step == first.step


def test_a_rejection_stops_the_build_only_where_the_recipe_says_so(
    build: Build, tiny_recipe: Path, tiny_model: Path
) -> None:
    done = made(build, "01-x", tiny_model)
    rejected = done.step.model_copy(update={"decision": "rolled-back", "notes": ["too much"]})
    assert not build.record_decision(done, rejected).accepted
    build.recipe = load_recipe(tiny_recipe, {"guard.on_fail": "stop"})
    assert build.record_decision(done, done.step).accepted
    with pytest.raises(GuardStopped, match=r"01-x: rolled-back \(too much\)"):
        build.record_decision(done, rejected)


def test_the_rejected_step_says_what_became_of_it(build: Build, tiny_model: Path) -> None:
    first, best = made(build, "01-x", tiny_model), made(build, "01-x~weaker", tiny_model)
    comparison = Comparison(metric="accuracy", value=0.9, reference=0.9, drop=0, low=0, high=0, rows=9, confidence=0.95)
    tried = [Try(strength=strength, comparison=comparison, accepted=strength < 0.5) for strength in (0.8, 0.4)]
    kept = build.record_outcome(first, best, tried)
    assert (kept.folder, kept.step.tries) == (best.folder, tried)
    written = read_step(first.folder)
    assert written is not None
    assert (written.notes, written.tries) == (["01-x~weaker is what became of it"], tried)


def test_attempts_of_earlier_builds_are_swept_away(build: Build, tiny_model: Path) -> None:
    made(build, "01-x~tried", tiny_model)
    for folder in ("01-x", "01-x~left", "02-x~left"):
        (build.root / "stages" / folder).mkdir()
        (build.root / "stages" / folder / "stage.json").touch()
    (build.root / "stages/01-x~mine").mkdir()
    (build.root / "stages/01-x~notes").touch()
    build.sweep("stages/01-*~*")
    left = {path.name for path in (build.root / "stages").iterdir()}
    assert left == {"01-x", "01-x~tried", "02-x~left", "01-x~mine", "01-x~notes"}, "what is no step stays"


def test_guard_change_trains_nothing(built: tuple[Path, Path]) -> None:
    _, heard = run(*built, guard__max_drop="0.4")
    assert heard.built == []


def test_every_sized_figure_of_the_model_is_recorded(built: tuple[Path, Path]) -> None:
    steps = [json.loads((built[1] / f"stages/{name}/stage.json").read_text()) for name in ("00-teacher", "02-distill")]
    teacher, student = (step["measured"] for step in steps)
    assert teacher.keys() == {"parameters_left", "zeros", "macs_128", "encoder_macs_128", "positions"}
    assert teacher["macs_128"] > teacher["encoder_macs_128"] > student["encoder_macs_128"] > 0
    with Progress() as progress:
        rows = len(Build(load_recipe(built[0]), built[1], progress).texts.splits["validation"]["label"])
    assert rows == steps[0]["comparison"]["rows"]


def test_stages_do_not_see_the_rows_that_are_held_back(
    tiny_recipe: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in the teacher's tokens nor in those of another tokenizer."""
    monkeypatch.setattr("pocketbert.compress.pipeline.guard.LEAST_HELD_BACK", 10)
    build = Build(load_recipe(tiny_recipe, {"guard.rows": "half"}), tmp_path / "tiny", Heard())
    assert build.held_back is not None
    every = build.tokens(tiny_model / "tokenizer.json").validation
    held = {every.columns["text"][row] for row in build.held_back}
    context = build.context(tmp_path, build.tokens(tiny_model / "tokenizer.json"))
    again = context.tokenize(tiny_model / "tokenizer.json").validation
    assert len(build.held_back) + len(context.validation.gold) == len(every.gold) == 80
    assert set(context.validation.columns["text"]) == set(again.columns["text"]) == set(every.columns["text"]) - held


def test_the_guard_decides_on_the_rows_that_are_held_back(
    tiny_recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pocketbert.compress.pipeline.guard.LEAST_HELD_BACK", 10)
    overrides = {
        "task__limit": "{ train = 32 }",
        "teacher__control": "false",
        "teacher__epochs": "2",
        "stage": "[]",
        "artifact": '[{ format = "torch" }]',
    }
    manifest, _ = run(tiny_recipe, tmp_path / "tiny", guard__rows="half", **overrides)
    comparisons = [step.comparison for step in manifest.steps]
    assert [comparison and comparison.rows for comparison in comparisons] == [40, 40]
    told = "the guard decides on 40 of 80 validation rows; the others choose the best epochs"
    assert manifest.steps[0].remarks[-1] == told
