"""Tagging, matching and a bottleneck student through the whole pipeline: built, evaluated, weighed.

With the extra `mobile` in its formats, too.
"""

import json
import random
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pocketbert.bench.gate.options import GateOptions
from pocketbert.bench.gate.session import Session
from pocketbert.bench.records.results import Results
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.manifest import load_manifest
from pocketbert.compress.pipeline.build import build
from pocketbert.compress.pipeline.evaluate import evaluate_file
from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.runtimes import RUNTIMES
from tests.support.models import BAD, FILLER, GOOD, write_tiny_model

RECIPE = """
name = "{kind}"
seed = 3
[task]
kind = "{kind}"
dataset = "{data}"
max_length = 16
labelled = 150
[teacher]
model = "{model}"
epochs = 5
learning_rate = 5e-3
batch_size = 16
[guard]
max_drop = 0.9
[[stage]]
kind = "prune-vocab"
[[stage]]
kind = "prune-width"
ratio = 0.2
calibration_rows = 16
[[stage]]
kind = "distill"
student = {{ {student} }}
preset = "{preset}"
epochs = 2
learning_rate = 5e-3
batch_size = 16
gradient_accumulation_steps = 2
[[artifact]]
format = "torch"
[[artifact]]
format = "torch"
precision = "int8"
[[artifact]]
format = "onnx"
[[artifact]]
format = "onnx"
precision = "int8"
"""


def tagged(draw: random.Random) -> dict[str, Any]:
    """Every run of one to three good characters is an entity; some rows are longer than the model reads."""
    tokens, labels = [], []
    for _ in range(draw.randint(1, 6)):
        name = draw.choices(GOOD, k=draw.randint(1, 3))
        rest = draw.choices(FILLER + BAD, k=draw.randint(1, 4))
        tokens += [*name, *rest]
        labels += ["B-NAME", *["I-NAME"] * (len(name) - 1), *["O"] * len(rest)]
    return {"tokens": tokens, "label": labels}


def matched(draw: random.Random) -> dict[str, Any]:
    """Yes where the second text is of good mood, whatever the first."""
    moods = [draw.choice((GOOD, BAD)) for _ in range(2)]
    texts = ["".join([*draw.choices(mood, k=2), *draw.choices(FILLER, k=2)]) for mood in moods]
    return {"text": texts[0], "text_pair": texts[1], "label": "yes" if moods[1] is GOOD else "no"}


ROWS = {"tagging": tagged, "matching": matched}
BOTTLENECK = 'init = "random", architecture = "mobilebert", layers = 2, hidden = 32, heads = 2, intermediate = 32'
CASES = {
    "tagging": ("tagging", "layers = 2", "minilm"),
    "matching": ("matching", "layers = 2", "logits"),
    "mobilebert": ("matching", BOTTLENECK, "logits"),
}
"""Task, student, preset."""
MOBILE = "".join(
    f'[[artifact]]\nformat = "{format_}"\nprecision = "{precision}"\n'
    for format_, package, precision in (
        ("executorch", "executorch", "fp32"),
        ("executorch", "executorch", "int8"),
        ("coreml", "coremltools", "int8"),
    )
    if find_spec(package)
)
LITERT = '[[artifact]]\nformat = "litert"\nprecision = "int8"\nlengths = [16, 128]\n'
"""A conversion takes long, so one task has it."""


@pytest.fixture(
    scope="module",
    params=[case if case == "tagging" else pytest.param(case, marks=pytest.mark.slow) for case in CASES],
)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe whose artifacts lie beside it."""
    (kind, student, preset), draw = CASES[request.param], random.Random(5)  # noqa: S311
    folder = tmp_path_factory.mktemp(request.param)
    shape = {"num_hidden_layers": 3, "max_position_embeddings": 160}  # the bench asks for 128 tokens
    model = write_tiny_model(folder / "model", **shape)
    for split, count in (("train", 200), ("validation", 40), ("test", 40)):
        lines = [json.dumps(ROWS[kind](draw), ensure_ascii=False) for _ in range(count)]
        (folder / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    recipe = folder / "recipe.toml"
    filled = RECIPE.format(kind=kind, data=folder, model=model, student=student, preset=preset)
    litert = LITERT if request.param == "matching" and find_spec("litert_torch") else ""
    recipe.write_text(filled + MOBILE + litert, encoding="utf-8")
    with Progress() as progress:
        build(load_recipe(recipe), folder / "artifacts", "test", progress)
    return recipe


def test_guard_evaluate_and_bench_say_the_same(built: Path, tmp_path: Path) -> None:
    root, recipe = built.parent / "artifacts", load_recipe(built)
    manifest = load_manifest(root / "manifest.json")
    teacher = manifest.steps[0]
    assert teacher.comparison is not None
    assert teacher.comparison.value > 0.6, "the teacher has learnt nothing"
    assert any("150 of 200 training rows have labels" in remark for remark in teacher.remarks)
    if recipe.task.kind == "tagging":
        assert any("read in overlapping windows" in remark for remark in teacher.remarks)
        assert json.loads((root / "stages/00-teacher/model/config.json").read_text())["architectures"] == [
            "BertForTokenClassification"
        ]
    steps = {step.name: step for step in manifest.steps}
    with Progress() as progress:
        for path, name in (
            ("stages/03-distill/model", "03-distill"),
            ("ship/onnx-fp32/student-fp32.onnx", "onnx-fp32"),
            ("ship/torch-int8/student-int8.torch", "torch-int8"),
        ):
            scores, rows = evaluate_file(root / path, recipe, "validation", progress)
            comparison = steps[name].comparison
            assert comparison is not None
            assert (scores[comparison.metric], rows) == (pytest.approx(comparison.value), comparison.rows)
        files = {a.id: root / a.path for a in manifest.artifacts if a.runtime in RUNTIMES and a.runtime != "torch"}
        expected = {name: evaluate_file(file, recipe, "test", progress)[0] for name, file in files.items()}
    shipped = [a.id for a in manifest.artifacts if a.role == "ship"]
    assert len(shipped) == len(recipe.artifacts)
    results = weighed(root, [name for name in shipped if not name.endswith(".torch")], tmp_path)
    for name in files:
        student = results.artifact(name)
        assert not student.failures
        assert student.accuracy is not None
        assert student.accuracy.scores == pytest.approx(expected[name])
        assert (student.accuracy.drop is None) == (name == "student-fp32.onnx")
        assert student.latency
        assert student.memory
    assert all(artifact.size for artifact in results.artifacts)
    assert built_again(built) == []


def weighed(root: Path, ids: list[str], tmp_path: Path) -> Results:
    """The bench's figures of these artifacts alone, the first of them standing for the reference."""
    manifest = json.loads((root / "manifest.json").read_text())
    manifest["artifacts"] = [entry for entry in manifest["artifacts"] if entry["id"] in ids]
    manifest["artifacts"][0]["role"], manifest["reference"] = "reference", ids[0]
    (root / "two.json").write_text(json.dumps(manifest))
    asked = GateOptions(
        *(root / "two.json", ("mobile-1t",), None, False, tmp_path / "reports", "test", tmp_path / "store"),
        first_run=True,
    )
    session = Session(asked)
    session.run(Console(quiet=True))
    assert session.results is not None
    return session.results


def built_again(recipe: Path) -> list[str]:
    """The steps that a build under another rule of the guard does not take from the cache."""
    with Progress() as progress:
        lines: list[str] = []
        progress.say = lines.append  # type: ignore[method-assign]
        build(load_recipe(recipe, {"guard.max_drop": "0.95"}), recipe.parent / "artifacts", "test", progress)
    return [line for line in lines if ": building" in line]
