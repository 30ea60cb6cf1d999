"""The linear baseline (`linear_control`) as a step, trained on the same labelled rows as the teacher."""

from pathlib import Path

import numpy as np

from pocketbert.compress.base.errors import first_line
from pocketbert.compress.manifest import Comparison, LinearControl, Step
from pocketbert.compress.models.linear_control import linear_predictions
from pocketbert.compress.pipeline.cache import step_key
from pocketbert.compress.pipeline.steps.step import Build


def linear_control(build: Build) -> tuple[LinearControl | None, list[str]]:
    """Train the linear baseline, or take it from the cache; its failure is a remark and does not end the build.

    Returns:
        the baseline, None if the task or the recipe has none or if it failed; and remarks.
    """
    if not (build.texts.task.linear_control and build.recipe.teacher.control):
        return None, []
    try:
        return _linear_control(build)
    except Exception as error:
        remark = f"linear control: left out, it failed ({first_line(error)}); teacher.control = false switches it off"
        build.progress.say(remark)
        return None, [remark]


def _linear_control(build: Build) -> tuple[LinearControl, list[str]]:
    task, splits = build.texts.task, build.texts.splits
    texts, gold = (splits["train"][name][: build.texts.labelled] for name in ("text", "label"))
    key = step_key(build.texts.key, {}, ["pocketbert.compress.models.linear_control"])
    step = Step(name="linear-control", kind="linear-control", decision="reference", key=key)

    def work(out: Path, _: Path) -> Step:
        others = [splits[split]["text"] for split in ("validation", "test")]
        made = linear_predictions(texts, gold, *others)
        for split, values in zip(("validation", "test"), made.one_hot, strict=True):
            np.save(out / f"{split}.npy", values)
        remarks = []
        if made.longest or made.train_rows < len(gold):
            read = f" and read at most {made.longest:,} characters of each" if made.longest else ""
            remarks = [f"the linear control was trained on {made.train_rows:,} of {len(gold):,} rows{read}"]
        return step.model_copy(update={"remarks": remarks, "measured": {"train_rows": made.train_rows}})

    done = build.step(build.root / "control", step, work, build.teacher)
    guard, rows = build.guard, int(done.step.measured["train_rows"])
    comparison = Comparison.of(task, guard.gold, done.logits, guard.teacher, guard.rule.confidence)
    lead, low, high = (-100 * value for value in (comparison.drop, comparison.high, comparison.low))
    build.progress.say(
        f"linear control: {comparison.reference:.2%} from the same {rows:,} rows; "
        f"the teacher leads by {lead:.2f} points ({low:.2f} to {high:.2f})"
    )
    found = LinearControl(
        comparison=comparison, train_rows=rows, seconds=done.step.seconds, test_answers="control/test.npy"
    )
    return found, done.step.remarks
