"""The study of a recipe's own students, on a tiny model."""

from pathlib import Path

import numpy as np
import pytest

from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.stages.distill import Parameters
from studies import distillation
from studies.distillation import Run, whole_split
from tests.support import REPO
from tests.support.models import RECIPE


@pytest.mark.slow
def test_students_of_all_rows(
    tmp_path: Path,
    tiny_model: Path,
    tiny_data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(distillation, "SEEDS", (1, 2))
    monkeypatch.setattr(distillation, "_RESAMPLES", 50)
    (tmp_path / "recipes").mkdir()
    recipe = RECIPE.format(model=tiny_model, data=tiny_data)
    pruned = recipe.replace(
        'kind = "prune-heads"\nratio = 0.25\ncalibration_rows = 32', 'kind = "prune-vocab"\ntokens = []'
    ).replace("alpha = 0.5", "alpha = 0.5\nepochs = 1")
    (tmp_path / "recipes/reviews.toml").write_text(pruned, encoding="utf-8")
    whole_split("reviews")
    table = capsys.readouterr().out
    assert [line.split("|")[1].strip() for line in table.splitlines()[2:]] == [
        "teacher",
        "student, labels alone",
        "student, distilled",
    ]
    assert (tmp_path / "artifacts/tiny/stages/00-teacher/model").is_dir()  # as a build leaves it, or takes it up
    kept = sorted((tmp_path / "artifacts/study/distillation/whole-reviews").glob("*.npz"))
    assert [file.name.rsplit("-", 1)[0] for file in kept] == [
        "distilled-1",
        "distilled-2",
        "labels-alone-1",
        "labels-alone-2",
        "teacher",
    ]
    settings = {file.stem.rsplit("-", 1)[1] for file in kept[:-1]}
    assert len(settings) == 2  # the seeds differ in their names alone, the labels alone in what is trained
    students = {float(np.load(file)["value"]) for file in kept[:-1]}
    teacher = float(np.load(kept[-1])["value"])
    assert max(students) < teacher  # of a vocabulary of no characters there is nothing to read
    whole_split("reviews")
    assert capsys.readouterr().out == table  # seconds and all: taken from what lies there
    whole_split("reviews", alpha=0.9)
    assert len(list(kept[0].parent.glob("*.npz"))) == 5 + 2  # the labels alone are the same at any weight
    monkeypatch.setattr(distillation, "SEEDS", (1,))
    (tmp_path / "recipes/reviews.toml").write_text(pruned.replace("tokens = []", ""), encoding="utf-8")
    whole_split("reviews")
    assert len(list(kept[0].parent.glob("*.npz"))) == 7 + 2  # students that read more are other students


def test_what_is_otherwise_than_in_the_recipes_is_what_is_meant() -> None:
    for dataset, overrides in distillation._FEW.items():
        load_recipe(REPO / f"recipes/{dataset}.toml", overrides)
    for dataset, overrides in distillation._WHOLE.items():
        distil = load_recipe(REPO / f"recipes/{dataset}.toml", overrides).stages[1]
        assert isinstance(distil, Parameters) and distil.epochs == 2
        assert load_recipe(REPO / f"recipes/{dataset}.toml").stages[1] == distil.model_copy(update={"epochs": 3})


def test_a_lead_over_a_teacher_of_one_seed() -> None:
    rows = np.arange(1_000)
    ours = [Run(value, rows < 1_000 * value, 1.0) for value in (0.8, 0.9)]
    lead = distillation.lead(ours, [Run(0.7, rows < 700, 1.0)])
    middle, low, high = (float(part) for part in lead.replace("(", "").replace(")", "").replace("to ", "").split())
    assert middle == pytest.approx(15) and 7 < low < 10 and 20 < high < 23


def test_paired_seeds_do_not_widen_a_lead() -> None:
    """Each seed gains 5 points on the same rows, though the seeds are 30 points apart."""
    rows = np.arange(1_000)
    before = [Run(value, rows < 1_000 * value, 1.0) for value in (0.5, 0.8)]
    after = [Run(value, rows < 1_000 * value, 1.0) for value in (0.55, 0.85)]
    low, high = (
        float(lead.split("(")[1].split(" ")[0])
        for lead in (distillation.lead(after, before), distillation.lead(after, before, paired=True))
    )
    assert low < -20 < 3 < high
