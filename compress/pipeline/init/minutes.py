"""How long a build of a recipe takes on this machine, from the speed of the model on some of its own texts."""

from typing import TYPE_CHECKING, NamedTuple

from pocketbert.compress.models.sizes import encoder_macs
from pocketbert.compress.pipeline.recipe import Recipe

if TYPE_CHECKING:
    from transformers import PretrainedConfig

_TRAINING = 3.0
"""A training step costs a forward pass and a backward pass of twice the products."""
_ONE_BY_ONE = 1.5
"""A file is scored with one text at a time: that takes longer than batches."""
_START_S = 30.0
"""Imports, exports and files."""


class Speed(NamedTuple):
    """Seconds that the model needs for a text, in batches on the fastest device; and the rows of each split."""

    text_s: float
    rows: dict[str, int]


def estimate_s(recipe: Recipe, model: "PretrainedConfig", speed: Speed) -> float:
    """Estimate the seconds of a whole build."""
    rows = {split: min(count, recipe.task.limit.get(split, count)) for split, count in speed.rows.items()}
    train, validation = rows["train"], rows["validation"]
    texts = _TRAINING * recipe.teacher.epochs * train + validation  # in forward passes of the model
    config, whole = model, encoder_macs(model)
    for stage in recipe.stages:
        config = stage.config_after(config, model)
        share = encoder_macs(config) / whole
        if stage.kind == "distill":
            texts += train * (1 + _TRAINING * getattr(stage, "epochs", 1) * share)
        texts += validation * share
    files = sum(len(artifact.files()) for artifact in recipe.artifacts)
    texts += files * validation * _ONE_BY_ONE * encoder_macs(config) / whole
    return _START_S + texts * speed.text_s


def in_words(seconds: float) -> str:
    """Round a duration: ``about 25 min``, ``about 2 h``, ``about 1.5 h``."""
    minutes = seconds / 60
    if minutes < 60:
        return f"about {max(1, round(minutes)) if minutes < 10 else 5 * round(minutes / 5)} min"
    hours = minutes / 60
    return f"about {round(2 * hours) / 2 if hours < 5 else round(hours):g} h"
