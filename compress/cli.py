"""The commands that make things: ``build`` and ``evaluate``."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from compress.errors import BadInput
from compress.processes import rank

app = typer.Typer(
    help="Compress a Chinese BERT for a phone, and never let it get slower, fatter or dumber unseen.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

RecipeFile = Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe, such as recipes/offline.toml.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key: guard.max_drop=0.02")
]


@app.command()
def build(
    recipe: RecipeFile,
    out: Annotated[Path, typer.Option(help="Folder for artifacts; the recipe's name is added.")] = Path("artifacts"),
    set_: Overrides = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Throw away what earlier builds left.")] = False,
) -> None:
    """Make the artifacts of a recipe; finished steps are kept and taken up again."""
    from compress.recipe import load_recipe

    checked = load_recipe(recipe, _pairs(set_ or []))

    from compress.guard import GuardStopped
    from compress.pipeline import build as run
    from compress.progress import Progress
    from compress.quiet import quiet

    quiet()
    root = out / checked.name
    try:
        with Progress() as progress:
            manifest = run(checked, root, shlex.join(["pocketbert", *sys.argv[1:]]), progress, fresh)
    except GuardStopped as stop:
        typer.echo(f"pocketbert: stopped by the guard: {stop}", err=True)
        raise typer.Exit(1) from stop
    if rank():  # the first process speaks for all
        return
    rolled_back = [step.name for step in manifest.steps if step.decision == "rolled-back"]
    if rolled_back:
        typer.echo(f"rolled back: {', '.join(rolled_back)}")
    if weakened := [step.name for step in manifest.steps if step.tries and step.decision == "accepted"]:
        typer.echo(f"weakened: {', '.join(weakened)}")
    typer.echo(f"{root / 'manifest.json'}: {', '.join(a.id for a in manifest.artifacts if a.role == 'ship') or 'none'}")


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL_OR_ARTIFACT", help="A checkpoint folder or an .onnx file.")],
    recipe: Annotated[Path, typer.Option(help="The recipe whose task and data it is scored on.")],
    split: Annotated[str, typer.Option(help="validation or test")] = "validation",
    set_: Overrides = None,
) -> None:
    """Score a model on the recipe's rows, with the code that the guard and the bench use."""
    from compress.recipe import load_recipe

    checked = load_recipe(recipe, _pairs(set_ or []))

    from compress.evaluation import evaluate_file
    from compress.progress import Progress
    from compress.quiet import quiet

    quiet()
    with Progress() as progress:
        scores, rows = evaluate_file(Path(model), checked, split, progress)
    for name, value in scores.items():
        typer.echo(f"{name}: {value:.2%} ({rows} {split} rows)")


def _pairs(settings: list[str]) -> dict[str, str]:
    pairs = {}
    for setting in settings:
        key, found, value = setting.partition("=")
        if not found:
            raise BadInput(f"--set {setting}: legal: KEY=VALUE, such as guard.max_drop=0.02")
        pairs[key.strip()] = value.strip()
    return pairs
