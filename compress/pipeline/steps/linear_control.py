"""The linear baseline (`linear_control`) as a step, trained on the same labelled rows as the teacher."""

from importlib.metadata import version
from pathlib import Path

import numpy as np

from pocketbert.compress.base.errors import first_line, percent
from pocketbert.compress.manifest import LinearControl, Step
from pocketbert.compress.models.linear_control import linear_predictions
from pocketbert.compress.pipeline.cache import step_key
from pocketbert.compress.pipeline.steps.step import Build
from pocketbert.compress.tasks.long_texts import readable

_SCORED = ("validation", "test")


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
        remark = f"linear baseline: left out, it failed ({first_line(error)}); teacher.control = false switches it off"
        build.progress.say(remark)
        return None, [remark]


def _linear_control(build: Build) -> tuple[LinearControl, list[str]]:
    task, splits = build.texts.task, build.texts.splits
    texts, gold = (splits["train"][name][: build.texts.labelled] for name in ("text", "label"))
    longest = readable(task.max_length)  # the teacher reads hardly more
    made_of = {"longest": longest, "scikit-learn": version("scikit-learn")}
    key = step_key(build.texts.key, made_of, ["pocketbert.compress.models.linear_control"])
    step = Step(name="linear-control", kind="linear-control", decision="reference", key=key)

    def work(out: Path, _: Path) -> Step:
        read = [[text[:longest] for text in each] for each in (texts, *(splits[s]["text"] for s in _SCORED))]
        made = linear_predictions(read[0], gold, *read[1:])
        for split, values in zip(_SCORED, made.one_hot, strict=True):
            np.save(out / f"{split}.npy", values)
        remarks = []
        most = made.longest or (longest if max(map(len, texts)) > longest else None)
        if most or made.train_rows < len(gold):
            cut = f" and read at most {most:,} characters of each" if most else ""
            remarks = [f"the linear baseline was trained on {made.train_rows:,} of {len(gold):,} rows{cut}"]
        return step.model_copy(update={"remarks": remarks, "measured": {"train_rows": made.train_rows}})

    done = build.step(build.root / "control", step, work, build.teacher)
    rows = int(done.step.measured["train_rows"])
    comparison = build.guard.compare(done.logits, build.guard.teacher)
    build.progress.say(
        f"linear baseline: {percent(comparison.reference, 2)} with the same {rows:,} examples; "
        f"the teacher against it: {comparison.change}"
    )
    found = LinearControl(
        comparison=comparison, train_rows=rows, seconds=done.step.seconds, test_answers="control/test.npy"
    )
    return found, done.step.remarks
