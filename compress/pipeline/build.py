"""A recipe from top to bottom: teacher, stages, exported files, manifest. Read this module first."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.failures import BUILD_LOG
from pocketbert.compress.base.processes import rank, wait
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.data.findings import find
from pocketbert.compress.exports import FORMATS
from pocketbert.compress.manifest import Manifest
from pocketbert.compress.pipeline.cache import SCRATCH
from pocketbert.compress.pipeline.guard import judged_on
from pocketbert.compress.pipeline.recipe import Recipe
from pocketbert.compress.pipeline.shipping.artifact import require_exporter
from pocketbert.compress.pipeline.shipping.calibration import check_labels
from pocketbert.compress.pipeline.shipping.dense import dense_sizes
from pocketbert.compress.pipeline.shipping.listing import write_manifest
from pocketbert.compress.pipeline.shipping.ship import export_table, ship
from pocketbert.compress.pipeline.steps.linear_control import linear_control
from pocketbert.compress.pipeline.steps.plan import Plan, Planned, ToDo
from pocketbert.compress.pipeline.steps.stage import run_stage
from pocketbert.compress.pipeline.steps.step import Build
from pocketbert.compress.pipeline.steps.teacher import make_teacher
from pocketbert.compress.pipeline.tidy import clear, tidy

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from pocketbert.compress.training.context import Context


_RENUMBER = ("prune-layers", "distill")
"""Kinds of stages after which layers have other numbers."""
_OTHER_LAYERS = "the layers that this stage names may be others than the recipe means"


def build(recipe: Recipe, root: Path, command: str, progress: Progress, fresh: bool = False) -> Manifest:
    """Make every artifact of `recipe` below `root` and write `root/manifest.json`.

    Args:
        command: the command line, for the record.
        fresh: delete the results of earlier builds first.

    Raises:
        BadInput: something that the recipe names is missing, such as a runtime, another build uses `root`, or `fresh`
            and no build made `root`.
        GuardStopped: a step was rejected and the recipe says ``on_fail = "stop"``.
    """
    for artifact in recipe.artifacts:
        require_exporter(artifact.format, artifact.precision)
    with _alone_in(root):
        if rank() == 0:
            if fresh:
                clear(root)
            tidy(root)
        wait()
        progress.log = root / BUILD_LOG
        progress.note(f"started: {command}")
        return _run(Build(recipe, root, progress), command)


def _run(build: Build, command: str) -> Manifest:
    for number, artifact in enumerate(build.recipe.artifacts, start=1):
        if FORMATS[artifact.format].calibrated:
            check_labels(build.texts, f"artifact {number} ({artifact.format})")
    found = find(build.texts)
    for remark in found.remarks:
        build.progress.say(remark)
    models = [build.set_reference(make_teacher(build))]
    control, remarks = linear_control(build)
    if build.recipe.chooses_epochs:
        remarks = [judged_on(build.recipe.guard, len(build.guard.gold), build.held_back), *remarks]
    steps = [models[0].with_remarks([*found.remarks, *remarks])]
    for number, parameters in enumerate(build.recipe.stages, start=1):
        done = run_stage(build, number, parameters, source=models[-1])
        undone = [s.step.name for s in steps[1:] if s.step.kind in _RENUMBER and (not s.accepted or s.step.tries)]
        if undone and parameters.names_layers:
            done = done.with_remarks([f"{_OTHER_LAYERS}: {', '.join(undone)} was undone or has a lower strength"])
        steps.append(done)
        if done.accepted:
            models.append(done)
    exports = ship(build, models[-1])
    dense = dense_sizes(build, models, exports)
    manifest = write_manifest(build, command, [*steps, *exports], models, dense, control, found)
    build.limit()
    return manifest


def plan(recipe: Recipe, root: Path, progress: Progress, fresh: bool = False) -> list[Planned]:
    """Return every step of a build below `root`, with its time and the reason if it is to do; nothing is written there.

    If a step never ran, the teacher or the model that the recipe names is loaded and timed.

    Args:
        fresh: as if the results of earlier builds were deleted.

    Raises:
        BadInput: see `build`.
    """
    state = Plan(recipe, root, progress)
    if fresh or not root.is_dir():
        return state.steps("--fresh" if fresh else "never built")
    try:
        source = state.set_reference(make_teacher(state))
        for number, parameters in enumerate(recipe.stages, start=1):
            done = run_stage(state, number, parameters, source)
            source = done if done.accepted else source
    except ToDo as first:
        return state.steps(f"after {first}")
    for table in recipe.artifacts:
        try:
            export_table(state, table, source)
        except ToDo as missing:
            state.why.setdefault(table.files()[0].step, f"after {missing}")
            state.why |= {file.step: state.why.get(file.step, f"after {missing}") for file in table.files()[1:]}
    return state.steps()


def fine_tuned(recipe: Recipe, root: Path, progress: Progress) -> "tuple[PreTrainedModel, Context]":
    """Return the recipe's fine-tuned teacher, made now or by an earlier build below `root`, and a stage's context.

    Raises:
        BadInput: see `build`.
    """
    with _alone_in(root):
        state = Build(recipe, root, progress)
        teacher = state.teacher = make_teacher(state)
        return teacher.model(), state.context(root / SCRATCH / "teacher", teacher.tokens, teacher)


@contextmanager
def _alone_in(root: Path) -> Iterator[None]:
    """Lock the folder against other builds."""
    root.mkdir(parents=True, exist_ok=True)
    if rank():  # the first process holds the lock for all processes of this build
        yield
        return
    try:
        with FileLock(root.parent / f".{root.name}.lock", timeout=0):
            yield
    except Timeout as error:
        raise BadInput(f"{root}: another build or a gate run is working there; wait until it ends") from error
