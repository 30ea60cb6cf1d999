"""How long a build takes on this machine, step by step, from the speed of the model on some of its own texts."""

import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.data.texts import Texts
from pocketbert.compress.models.sizes import encoder_macs
from pocketbert.compress.pipeline.recipe import Recipe
from pocketbert.compress.stages import StageParameters
from pocketbert.compress.tasks.inputs import Inputs
from pocketbert.compress.training.settings import Schedule

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

_TRAINING = 3.0
"""A training step costs a forward pass and a backward pass of twice the products."""
_ONE_BY_ONE = 1.5
"""A file is scored with one text at a time: that takes longer than batches."""
_STEP_S = 5.0
"""Imports, exports and files of a step."""
_WARM_UP = 8
"""Texts before the clock starts."""


class Timed(NamedTuple):
    """Logits of a model, the seconds per text on an idle machine, and how many times as long it took now."""

    logits: NDArray[np.float32]
    text_s: float
    busy: float


class Sizes(NamedTuple):
    """Numbers of training rows with and without labels, and of validation rows."""

    labelled: int
    unlabelled: int
    validation: int


def time_texts(model: "PreTrainedModel", inputs: Inputs, what: str, progress: Progress) -> Timed:
    """Run the model on texts, as the build runs the teacher on the training rows.

    Raises:
        NotFinite: a logit is NaN or infinite.
    """
    import torch

    from pocketbert.compress.training.precision import fast_logits, fastest_device

    model = model.to(fastest_device())
    fast_logits(model, inputs.chosen(range(min(_WARM_UP, len(inputs)))))
    begin, begin_cpu = time.monotonic(), time.process_time()
    texts = len(set(inputs.rows)) if inputs.rows else len(inputs)
    with progress.work(f"{what} {texts:,} validation texts", len(inputs)) as work:
        logits = fast_logits(model, inputs, work.advance)
    took, idle = time.monotonic() - begin, (time.process_time() - begin_cpu) / torch.get_num_threads()
    if torch.cuda.is_available():
        idle = took
    return Timed(logits, min(took, idle) / texts, took / idle)


def sizes_of(texts: Texts) -> Sizes:
    """Count the rows of the splits that a build computes with."""
    train, validation = (len(texts.splits[split]["label"]) for split in ("train", "validation"))
    return Sizes(texts.labelled, train - texts.labelled, validation)


def estimate_s(recipe: Recipe, model: "PretrainedConfig", text_s: float, sizes: Sizes) -> list[float]:
    """Estimate the seconds of each step of a build, in their order.

    Args:
        model: the teacher's configuration.
        text_s: seconds that the teacher needs for a text, in batches on the fastest device.
    """
    limit = recipe.task.limit
    labelled = min(sizes.labelled, limit.get("train", sizes.labelled))
    train, validation = labelled + sizes.unlabelled, min(sizes.validation, limit.get("validation", sizes.validation))
    passes = [_fine_tuning(recipe.teacher, model, labelled, recipe.teacher.frozen_layers) + validation]
    config, whole = model, encoder_macs(model)
    for stage in recipe.stages:
        config = stage.config_after(config, model)
        share = encoder_macs(config) / whole
        passes.append(_stage(stage, config, labelled, train, share) + validation * share)
    files = sum(len(artifact.files()) for artifact in recipe.artifacts)
    passes.extend([validation * _ONE_BY_ONE * encoder_macs(config) / whole] * files)
    return [_STEP_S + texts * text_s for texts in passes]


def _stage(stage: StageParameters, config: "PretrainedConfig", labelled: int, train: int, share: float) -> float:
    """Count the forward passes of the teacher that a stage's training costs; `share`: the cost of the trained model."""
    if stage.kind == "finetune" and isinstance(stage, Schedule):
        return share * _fine_tuning(stage, config, labelled, getattr(stage, "frozen_layers", 0))
    distilled = stage if isinstance(stage, Schedule) else getattr(stage, "recover", None)
    scored = _TRAINING * min(labelled, getattr(stage, "calibration_rows", 0))
    return scored + (train * (1 + _TRAINING * distilled.epochs * share) if distilled else 0.0)


def _fine_tuning(schedule: Schedule, config: "PretrainedConfig", rows: int, frozen: int) -> float:
    """Count forward passes: layers that are frozen run once."""
    depth = max(1, config.num_hidden_layers)
    return float(rows * (_TRAINING * schedule.epochs * (depth - frozen) / depth + frozen / depth))


def in_words(seconds: float) -> str:
    """Round a duration: ``about 25 min``, ``about 2 h``, ``about 1.5 h``."""
    minutes = seconds / 60
    if minutes < 60:
        return f"about {max(1, round(minutes)) if minutes < 10 else 5 * round(minutes / 5)} min"
    hours = minutes / 60
    return f"about {round(2 * hours) / 2 if hours < 5 else round(hours):g} h"
