"""A tiny build, from nothing and in the folder of a build with other parameters."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.faults.program import Program, command_line

RECIPE = """
name = "killed"
[task]
dataset = "{folder}/data"
max_length = 16
[teacher]
model = "{folder}/model"
epochs = 2
learning_rate = 3e-3
batch_size = 32
[guard]
max_drop = 0.9
[[stage]]
kind = "distill"
preset = "tinybert"
student = {{ layers = 2 }}
epochs = 2
batch_size = 32
[[stage]]
kind = "prune-ffn"
ratio = {ratio}
calibration_rows = 8
[[artifact]]
format = "torch"
[[artifact]]
format = "torch"
precision = "int8"
"""
ROOT = Path("artifacts/killed")


def write_recipe(folder: Path) -> None:
    """Write model, data and two recipes, which differ in a stage, into `folder`; computes, so run it in a fork."""
    from tests.support.models import write_tiny_data, write_tiny_model

    write_tiny_model(folder / "model")
    write_tiny_data(folder / "data", rows=48)
    for name, ratio in (("killed", 0.5), ("earlier", 0.25)):
        (folder / f"{name}.toml").write_text(RECIPE.format(folder=folder, ratio=ratio), encoding="utf-8")
    (folder / "before").mkdir()


def build() -> int:
    """Build the recipe beside the working folder."""
    return command_line("build", "../killed.toml")


def imported() -> None:
    """Import what a build needs."""
    import transformers.trainer  # noqa: F401

    import pocketbert.bench.cli
    import pocketbert.compress.pipeline.build  # noqa: F401
    from pocketbert.compress.base.quiet import quiet

    quiet()


def result(folder: Path) -> dict[str, Any]:
    """Return what two builds of a recipe in `folder` must have in common."""
    manifest: dict[str, Any] = json.loads((folder / ROOT / "manifest.json").read_text(encoding="utf-8"))
    for step in manifest["steps"]:
        step["seconds"], step["remarks"] = 0, []  # how long the teacher took, and whether it was cached
    if manifest["linear_control"]:
        manifest["linear_control"]["seconds"] = 0
    return manifest


def _earlier(folder: Path) -> None:
    import os

    write_recipe(folder)
    os.chdir(folder / "before")
    if command_line("build", "../earlier.toml"):
        raise RuntimeError("the earlier build failed")


def _warm(folder: Path) -> None:
    """Read our own code and open the model once; no backward pass, whose threads would be missing in forks."""
    import torch
    from transformers import AutoModelForSequenceClassification

    from pocketbert.compress.base.own_code import digest_of

    digest_of(*(f"pocketbert.compress.{name}" for name in ("pipeline.build", "stages.distill", "stages.prune_ffn")))
    with torch.inference_mode():
        model = AutoModelForSequenceClassification.from_pretrained(folder / "model")
        model(torch.ones((1, 4), dtype=torch.long))


def _damage(folder: Path) -> Iterator[str]:
    """Yield the finished steps that are torn, and the manifest if it is."""
    from pocketbert.compress.pipeline.cache import cached, read_step

    for record in (folder / ROOT).glob("[!.]*/*/stage.json"):
        step = read_step(record.parent)
        if step is None or cached(record.parent, step.key) is None:
            yield f"{record.parent.name} is torn"
    if (folder / ROOT / "manifest.json").exists():
        result(folder)


BUILD = Program("build", write_recipe, build, result, _damage, warm=_warm)
REBUILD = Program("build again, with another parameter", _earlier, build, result, _damage, warm=_warm)
