"""`pocketbert init` on a tiny model: what it says, what it writes, and when it writes nothing."""

import json
import random
from pathlib import Path

import pytest

from pocketbert.compress.base.errors import BadInput, CheckFailed
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.pipeline.init.prepare import Request, prepare
from pocketbert.compress.pipeline.init.template import Size
from pocketbert.compress.pipeline.recipe import Recipe, load_recipe
from tests.support.models import BAD, FILLER, GOOD, LABELS, write_knowing_model, write_tiny_data, write_tiny_model

RECIPE = Path("recipes/mine.toml")
LABELLED = {"id2label": {0: "neg", 1: "pos"}, "label2id": {"neg": 0, "pos": 1}}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models that are right and the other way round, with and without names for their outputs, and a random one."""
    folder = tmp_path_factory.mktemp("hub")
    write_knowing_model(folder / "right")
    write_knowing_model(folder / "swapped", right=False)
    write_knowing_model(folder / "named", **LABELLED)
    write_knowing_model(folder / "misnamed", right=False, **LABELLED)
    write_tiny_model(folder / "random", initializer_range=0.2)
    return folder


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_tiny_data(Path("data"))


def init(model: Path, data: str = "data", name: str = "mine", size: Size = Size.BALANCED) -> dict[str, list[str]]:
    """Run it; returns the name of each line -> its texts."""
    said: dict[str, list[str]] = {}
    for line in prepare(Request(name, str(model), data, size, "pocketbert init mine"), Progress()):
        said.setdefault(line.name, []).append(line.text)
    return said


def written() -> Recipe:
    return load_recipe(Path("mine"))


def write_csv(path: Path, rows: int = 300) -> None:
    draw = random.Random(3)  # noqa: S311
    lines = ["编号,评论,情感"]
    for row in range(rows):
        good = row >= rows // 2  # sorted by label
        text = "".join(draw.choices(FILLER, k=9)) + draw.choice(GOOD if good else BAD)
        lines.append(f"{row},{text},{'正面' if good else '负面'}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_folder_and_a_model_without_names(models: Path) -> None:
    said = init(models / "swapped")
    [model], [labels], [machine] = said["model"], said["labels"], said["machine"]
    assert model.startswith("BertForSequenceClassification, 4 layers, 32 hidden, ")
    assert model.endswith("2 classes (LABEL_0, LABEL_1)")
    assert said["data"][0].startswith(
        "train 240 · validation 80 · test 80 · columns text, label (classification) · neg "
    )
    assert 'labels = ["pos", "neg"]' in labels
    assert "on 80 validation texts; the other way round " in labels
    assert " for this recipe; --size quick about 1 min; --size smallest about 1 min" in machine
    assert said["next"] == ["pocketbert build mine"]
    recipe = written()
    assert recipe.task.labels == ("pos", "neg")
    assert (recipe.task.max_length, recipe.teacher.epochs) == (64, 0)
    assert 'labels = ["pos", "neg"]' in RECIPE.read_text(encoding="utf-8")


def test_one_file_in_chinese_sorted_by_label(models: Path) -> None:
    write_csv(Path("reviews.csv"))
    said = init(models / "right", "reviews.csv", size=Size.QUICK)
    assert said["data"][0] == (
        "train 240 · validation 30 · test 30 · columns 评论, 情感 (classification) · 正面 50 %, 负面 50 %"
    )
    task = written().task
    assert (task.text, task.label, task.labels) == ("评论", "情感", ("负面", "正面"))
    assert task.hold_out == {"validation": 0.1, "test": 0.1}


def test_names_of_the_model_decide_and_its_scores_may_contradict_them(models: Path) -> None:
    assert "as the model names them: " in init(models / "named")["labels"][0]
    assert written().task.labels == ()
    RECIPE.unlink()
    with pytest.raises(CheckFailed, match=r"below chance .* the order pos, neg would reach"):
        init(models / "misnamed")
    assert not RECIPE.exists()


def test_a_model_that_knows_nothing_gets_no_recipe(models: Path) -> None:
    with pytest.raises(CheckFailed, match=r"no order of the labels is better than chance: .* on 80 validation texts"):
        init(models / "random")
    assert not RECIPE.exists()


def test_a_model_without_a_head_is_trained_by_the_build(models: Path, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "plain")
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    (model / "config.json").write_text(json.dumps(config | {"architectures": ["BertModel"]}), encoding="utf-8")
    said = init(model)
    assert said["model"][0].endswith("no classification head")
    assert "labels" not in said
    assert written().teacher.epochs == 3


def test_duplicates_across_splits_are_counted(models: Path) -> None:
    rows = Path("data/train.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    with Path("data/test.jsonl").open("a", encoding="utf-8") as test:
        test.writelines(rows[:20])
    assert any("test texts 20 are in train too" in line for line in init(models / "right")[""])


def test_a_mistake_in_the_data_begins_with_the_option(models: Path) -> None:
    with Path("data/test.jsonl").open("a", encoding="utf-8") as test:
        test.write('{"text": "好"')
    with pytest.raises(BadInput, match=r"^--data data, test\.jsonl, line 81, column 13: is not valid JSON"):
        init(models / "right")


def test_what_does_not_fit_is_refused_before_anything_is_scored(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def scored(*_: object) -> None:
        pytest.fail("scored")

    monkeypatch.setattr("pocketbert.compress.training.precision.fast_logits", scored)
    RECIPE.parent.mkdir()
    RECIPE.write_text("mine", encoding="utf-8")
    with pytest.raises(BadInput, match=r"mine\.toml exists already and is never overwritten"):
        init(models / "right")
    assert RECIPE.read_text(encoding="utf-8") == "mine"
    RECIPE.unlink()
    with pytest.raises(BadInput, match="it becomes a file name, so use ASCII letters"):
        init(models / "right", name="我的")
    with pytest.raises(BadInput, match="--model data: cannot be opened"):
        init(Path("data"))
    for split in ("train", "validation", "test"):
        rows = Path(f"data/{split}.jsonl")
        text = rows.read_text(encoding="utf-8")
        rows.write_text(text.replace(LABELS[0], "bad").replace(LABELS[1], "good"), encoding="utf-8")
    with pytest.raises(BadInput, match="the model's labels are neg, pos, the data's bad, good; rename one side"):
        init(models / "named")
    assert not RECIPE.exists()
