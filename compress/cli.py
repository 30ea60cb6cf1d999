"""The commands ``build``, ``evaluate`` and ``export``."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.processes import rank
from pocketbert.compress.exports import FORMATS

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
    from pocketbert.compress.pipeline.recipe import load_recipe

    checked = load_recipe(recipe, _pairs(set_ or []))

    from pocketbert.compress.base.progress import Progress
    from pocketbert.compress.base.quiet import quiet
    from pocketbert.compress.pipeline.build import build as run
    from pocketbert.compress.pipeline.guard import GuardStopped

    quiet()
    root = out / checked.name
    try:
        with Progress() as progress:
            manifest = run(checked, root, shlex.join(["pocketbert", *sys.argv[1:]]), progress, fresh)
    except GuardStopped as stop:
        typer.echo(f"pocketbert: stopped by the guard: {stop}", err=True)
        raise typer.Exit(1) from stop
    if rank():  # the first process prints for all
        return
    rolled_back = [step.name for step in manifest.steps if step.decision == "rolled-back"]
    if rolled_back:
        typer.echo(f"rolled back: {', '.join(rolled_back)}")
    if weakened := [step.name for step in manifest.steps if step.tries and step.decision == "accepted"]:
        typer.echo(f"weakened: {', '.join(weakened)}")
    typer.echo(f"{root / 'manifest.json'}: {', '.join(a.id for a in manifest.artifacts if a.role == 'ship') or 'none'}")


@app.command()
def evaluate(
    model: Annotated[
        str, typer.Argument(metavar="MODEL_OR_ARTIFACT", help="A checkpoint folder, or an .onnx or .pte file.")
    ],
    recipe: Annotated[Path, typer.Option(help="The recipe whose task and data it is scored on.")],
    split: Annotated[str, typer.Option(help="validation or test")] = "validation",
    set_: Overrides = None,
) -> None:
    """Score a model on the recipe's rows, with the code that the guard and the bench use."""
    from pocketbert.compress.pipeline.recipe import load_recipe

    checked = load_recipe(recipe, _pairs(set_ or []))

    from pocketbert.compress.base.progress import Progress
    from pocketbert.compress.base.quiet import quiet
    from pocketbert.compress.pipeline.evaluate import evaluate_file

    quiet()
    with Progress() as progress:
        scores, rows = evaluate_file(Path(model), checked, split, progress)
    for name, value in scores.items():
        typer.echo(f"{name}: {value:.2%} ({rows} {split} rows)")


@app.command()
def export(
    checkpoint: Annotated[str, typer.Argument(metavar="CHECKPOINT", help="A Hugging Face folder or hub id.")],
    format_: Annotated[str, typer.Option("--format", help=f"one of: {', '.join(FORMATS)}")],
    precision: Annotated[str, typer.Option(help="of the weights: fp32, fp16 or int8, as the format has them")],
    out: Annotated[Path | None, typer.Option(metavar="PATH", help="default: named after the checkpoint, here")] = None,
    pairs: Annotated[bool, typer.Option("--pairs", help="It reads pairs of texts: declare their token types.")] = False,
) -> None:
    """Write a classifier of texts or tokens as one file that ships, and say how far its answers are from PyTorch's."""
    from pocketbert.compress.pipeline.shipping.checkpoint import ExportFailed, export_checkpoint, target

    path = target(checkpoint, format_, precision, out)

    from pocketbert.compress.base.progress import Progress
    from pocketbert.compress.base.quiet import quiet

    quiet()
    try:
        with Progress() as progress:
            done = export_checkpoint(checkpoint, format_, precision, path, pairs, progress)
    except ExportFailed as failed:
        typer.echo(f"pocketbert: {failed}", err=True)
        raise typer.Exit(1) from failed
    for note in done.notes:
        typer.echo(note)
    logits = f"largest logit difference {done.parity.max_abs_logit:.2g}, of logits up to {done.parity.largest:.2g},"
    typer.echo(f"{logits} on {done.rows}")
    if done.labels > 1:  # a regression has one label, which always agrees
        typer.echo(f"label agreement {done.parity.label_agreement:.1%} of {done.parity.rows} answers")
    typer.echo(f"{done.path}: {done.bytes / 1e6:,.1f} MB, reads {', '.join(done.inputs)}; tokenizer.json is beside it")


def _pairs(settings: list[str]) -> dict[str, str]:
    pairs = {}
    for setting in settings:
        key, found, value = setting.partition("=")
        if not found:
            raise BadInput(f"--set {setting}: expected KEY=VALUE, such as guard.max_drop=0.02")
        pairs[key.strip()] = value.strip()
    return pairs
