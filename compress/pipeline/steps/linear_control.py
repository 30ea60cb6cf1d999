"""The linear baseline (`linear_control`) as a step, trained on the same labelled rows as the teacher."""

from pathlib import Path

import numpy as np

from pocketbert.compress.manifest import Comparison, LinearControl, Step
from pocketbert.compress.models.linear_control import linear_predictions
from pocketbert.compress.pipeline.cache import step_key
from pocketbert.compress.pipeline.steps.step import Build


def linear_control(build: Build) -> LinearControl | None:
    """Train the linear baseline, or take it from the cache; None if the task has none."""
    task, splits, train = build.texts.task, build.texts.splits, build.teacher.tokens.labelled
    if not task.linear_control:
        return None
    key = step_key(build.texts.key, {}, ["pocketbert.compress.models.linear_control"])
    step = Step(name="linear-control", kind="linear-control", decision="reference", key=key)

    def work(out: Path, _: Path) -> Step:
        others = [splits[split]["text"] for split in ("validation", "test")]
        predictions = linear_predictions(train.columns["text"], train.gold, *others)
        for split, values in zip(("validation", "test"), predictions, strict=True):
            np.save(out / f"{split}.npy", values)
        return step

    done = build.step(build.root / "control", step, work, build.teacher.tokens)
    guard = build.guard
    comparison = Comparison.of(task, guard.gold, done.logits, guard.teacher, guard.rule.confidence)
    lead, low, high = (-100 * value for value in (comparison.drop, comparison.high, comparison.low))
    build.progress.say(
        f"linear control: {comparison.reference:.2%} from the same {len(train.gold):,} rows; "
        f"the teacher leads by {lead:.2f} points ({low:.2f} to {high:.2f})"
    )
    return LinearControl(
        comparison=comparison,
        train_rows=len(train.gold),
        seconds=done.step.seconds,
        test_answers="control/test.npy",
    )
