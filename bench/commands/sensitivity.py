"""``pocketbert sensitivity``: what each part of the teacher contributes."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pocketbert.compress.base.commands import AsJson, echo, print_json
from pocketbert.compress.cli import ArtifactsDir, Overrides, RecipeFile, settings


def sensitivity(
    recipe: RecipeFile,
    rows: Annotated[int, typer.Option(min=1, help="Number of validation examples to use.")] = 256,
    artifacts: ArtifactsDir = Path("artifacts"),
    reports: Annotated[
        Path, typer.Option("--reports", metavar="DIR", help="Folder for the heat map and its numbers.")
    ] = Path("reports"),
    set_: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Measure the change of accuracy when single heads, layers or FFN parts are removed (ablation).

    Only the teacher is trained, once.
    """
    from pocketbert.compress.pipeline.recipe import load_recipe

    checked = load_recipe(recipe, settings(set_ or []))

    from pocketbert.bench.report.sensitivity import show, write
    from pocketbert.compress.base.failures import BUILD_LOG, failures_logged
    from pocketbert.compress.base.progress import Progress
    from pocketbert.compress.base.quiet import quiet
    from pocketbert.compress.pipeline.build import fine_tuned
    from pocketbert.compress.pruning.sensitivity import CALIBRATION_ROWS
    from pocketbert.compress.pruning.sensitivity import sensitivity as measure

    quiet()
    with failures_logged(artifacts / checked.name / BUILD_LOG), Progress() as progress:
        model, context = fine_tuned(checked, artifacts / checked.name, progress)
        calibration, validation = context.labelled.sample(CALIBRATION_ROWS), context.validation.sample(rows)
        found = measure(model, context.task, calibration, validation, progress)
    if as_json:
        print_json(asdict(found))
    else:
        echo(show(found))
    for path in write(found, reports, checked.name):
        echo(f"written: {path}", err=as_json)
