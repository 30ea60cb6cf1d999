"""Every message in docs/troubleshooting.md is what pocketbert says to that mistake."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pocketbert.bench.cli import every_command
from pocketbert.bench.gate.baseline import open_baseline
from pocketbert.bench.gate.options import GateOptions
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.findings import find
from pocketbert.compress.data.texts import read_texts
from pocketbert.compress.exports import onnx as onnx_export
from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.tasks.label_order import OtherOrder
from tests.support import REPO
from tests.support.exports import turning_labels
from tests.support.models import write_tiny_data, write_tiny_model
from tests.support.pages import blocks

PAGE = REPO / "docs/troubleshooting.md"
MESSAGES = [line for block in blocks(PAGE, "text") for line in block.splitlines()]
RECIPE = """name = "mine"
[task]
dataset = "data"
max_length = 16
[teacher]
model = "my-bert"
epochs = 0
[guard]
max_drop = 0.01
[[stage]]
kind = "prune-heads"
target_macs = 0.5
[[artifact]]
format = "onnx"
"""
Said = Callable[..., str]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    labels = {"id2label": {0: "neg", 1: "pos"}, "label2id": {"neg": 0, "pos": 1}}
    return write_tiny_model(
        tmp_path_factory.mktemp("hub") / "my-bert", initializer_range=0.2, intermediate_size=128, **labels
    )


@pytest.fixture
def said(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """What a command says to its user before it exits with 1 or 2, in a folder with data, a model and a recipe."""
    monkeypatch.chdir(tmp_path)
    write_tiny_data(tmp_path / "data")
    shutil.copytree(model, "my-bert")

    def run(*arguments: str, recipe: str = RECIPE) -> str:
        Path("mine.toml").write_text(recipe, encoding="utf-8")
        with pytest.raises(SystemExit) as stopped:
            every_command()(arguments or ("build", "mine.toml"))
        assert stopped.value.code in (1, 2)
        [message] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("pocketbert: ")]
        return message

    return run


def quoted(message: str) -> bool:
    return message in MESSAGES


def edited(**changes: object) -> None:
    file = Path("my-bert/config.json")
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def as_csv(
    encoding: str = "utf-8", header: str = "text,label", change: Callable[[str, int], str] = lambda row, _: row
) -> None:
    """Write the data as CSV, in place of the JSON Lines."""
    for file in sorted(Path("data").glob("*.jsonl")):
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        lines = [header, *(change(f"{row['text']},{row['label']}", n) for n, row in enumerate(rows))]
        file.with_suffix(".csv").write_text("\n".join(lines) + "\n", encoding=encoding)
        file.unlink()


def test_a_drop_in_percent(said: Said) -> None:
    assert quoted(said(recipe=RECIPE.replace("max_drop = 0.01", "max_drop = 5")))


def test_a_stage_in_single_brackets(said: Said) -> None:
    assert quoted(said(recipe=RECIPE.replace("[[stage]]", "[stage]")))


def test_a_model_that_is_not_fine_tuned(said: Said) -> None:
    edited(architectures=["BertForMaskedLM"])
    assert quoted(said())


def test_labels_in_another_order_and_labels_of_other_names(said: Said) -> None:
    edited(id2label={"0": "pos", "1": "neg"}, label2id={"pos": 0, "neg": 1})
    assert quoted(said())
    edited(id2label={"0": "消极", "1": "积极"}, label2id={"消极": 0, "积极": 1})
    assert quoted(said())


def test_outputs_in_another_order() -> None:
    """The whole way is tested where the teacher is."""
    found = OtherOrder(["pos", "neg"], "accuracy", 1 / 12, 11 / 12).message(["LABEL_0", "LABEL_1"])
    assert quoted(f"pocketbert: teacher.model 'my-bert': {found}")


def test_a_table_in_gbk(said: Said) -> None:
    as_csv("gbk")
    assert quoted(said())


def test_columns_of_other_names(said: Said) -> None:
    as_csv(header="文本,标签")
    assert quoted(said())


def test_labels_that_differ_by_a_blank(said: Said) -> None:
    as_csv(change=lambda row, n: f"{row} " if n == 6 else row)
    assert quoted(said())


def test_rows_sorted_by_label(said: Said) -> None:
    file = Path("data/train.jsonl")
    rows = sorted(file.read_text(encoding="utf-8").splitlines(), key=lambda line: json.loads(line)["label"])
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert quoted(said(recipe=RECIPE.replace("max_length = 16", "max_length = 16\nlimit = { train = 50 }")))


def test_test_rows_that_are_in_train(said: Said) -> None:
    """The report says it, and the build goes on."""
    train, test = (Path(f"data/{split}.jsonl").read_text(encoding="utf-8") for split in ("train", "test"))
    Path("data/test.jsonl").write_text(test + "".join(train.splitlines(keepends=True)[:20]), encoding="utf-8")
    Path("mine.toml").write_text(RECIPE, encoding="utf-8")
    [remark] = [
        line for line in find(read_texts(load_recipe(Path("mine.toml"), {}).task)).remarks if " test texts " in line
    ]
    assert quoted(remark)


def test_a_share_that_heads_cannot_reach(said: Said) -> None:
    assert quoted(said(recipe=RECIPE.replace("target_macs = 0.5", "target_macs = 0.1")))


def test_a_file_that_loses_answers(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_export, "export", turning_labels(onnx_export.export))
    assert quoted(said("export", "my-bert", "--format", "onnx", "--precision", "int8"))


def test_a_recipe_that_was_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("baselines").mkdir()
    Path("baselines/my-reviews.json").write_text("{}", encoding="utf-8")
    with pytest.raises(BadInput) as lost:
        open_baseline(GateOptions(Path(), (), None, False, Path("reports"), ""), "mine")
    assert quoted(f"ERROR: pocketbert: {lost.value}")


def test_the_page_has_no_other_message() -> None:
    assert len(MESSAGES) == 14
