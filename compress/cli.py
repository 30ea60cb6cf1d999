"""The commands ``build``, ``evaluate`` and ``export``."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pocketbert.compress.base.errors import BadInput, CheckFailed, MachineFailed
from pocketbert.compress.base.failures import BUILD_LOG, ERROR_LOG, failures_logged
from pocketbert.compress.base.processes import Terminated, rank
from pocketbert.compress.exports import FORMATS, limits


class Commands(TyperGroup):
    """The commands, each ended with one line and its exit code by bad input, a failure or an interruption."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the chosen command."""
        try:
            with failures_logged(ERROR_LOG):
                try:
                    return super().invoke(ctx)
                except Exception as error:
                    if not (isinstance(error, typer.Abort) or hasattr(error, "exit_code")):  # typer's own
                        raise
                    outcome = error
            raise outcome
        except CheckFailed as failed:
            line, code = str(failed), 1
        except BadInput as refused:
            line, code = str(refused), 2
        except MachineFailed as broken:
            line, code = str(broken), 3
        except KeyboardInterrupt:
            line, code = "interrupted", 130
        except Terminated as asked:
            line, code = "terminated", 128 + asked.signal
        typer.echo(f"pocketbert: {line}", err=True)
        raise typer.Exit(code)


app = typer.Typer(
    cls=Commands,
    help="Compress a Chinese BERT for a phone, and never let it get slower, fatter or dumber unseen.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
RecipeFile = Annotated[
    Path, typer.Argument(metavar="RECIPE", help="A recipe's name or file: mine, or recipes/mine.toml.")
]
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

    quiet()
    root = out / checked.name
    with failures_logged(root / BUILD_LOG), Progress() as progress:
        manifest = run(checked, root, shlex.join(["pocketbert", *sys.argv[1:]]), progress, fresh)
    if rank():  # the first process prints for all
        return
    rolled_back = [step.name for step in manifest.steps if step.decision == "rolled-back"]
    if rolled_back:
        typer.echo(f"rolled back: {', '.join(rolled_back)}")
    if weakened := [step.name for step in manifest.steps if step.tries and step.decision == "accepted"]:
        typer.echo(f"weakened: {', '.join(weakened)}")
    exported = [artifact.id for artifact in manifest.artifacts if artifact.role == "ship"]
    if not exported:
        raise CheckFailed(f"{root / 'manifest.json'}: nothing was exported; the lines above say why")
    typer.echo(f"{root / 'manifest.json'}: {', '.join(exported)}")
    typer.echo(f"next: {next_command(checked.name, root)}")


def next_command(name: str, root: Path) -> str:
    """Return the command that measures what a build made in `root`; the first run of a recipe has no baseline yet."""
    built = name if root == Path("artifacts", name) else str(root / "manifest.json")
    first = "" if Path("baselines", f"{name}.json").exists() else " --gate-first-run"
    return f"pocketbert gate {shlex.quote(built)}{first}"


@app.command()
def evaluate(
    model: Annotated[
        str, typer.Argument(metavar="MODEL_OR_ARTIFACT", help="A checkpoint folder, or an .onnx, .pte or .tflite file.")
    ],
    recipe: Annotated[Path, typer.Option(help="The recipe, by name or file, whose task and data it is scored on.")],
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
    with failures_logged(Path("artifacts", checked.name, BUILD_LOG)), Progress() as progress:
        scores, rows = evaluate_file(Path(model), checked, split, progress)
    for name, value in scores.items():
        typer.echo(f"{name}: {value:.2%} ({rows} {split} rows)")


@app.command()
def export(
    checkpoint: Annotated[str, typer.Argument(metavar="CHECKPOINT", help="A Hugging Face folder or hub id.")],
    format_: Annotated[str, typer.Option("--format", help=f"one of: {', '.join(FORMATS)}")],
    precision: Annotated[str, typer.Option(help="of the weights: fp32, fp16, int8 or int4, as the format has them")],
    out: Annotated[Path | None, typer.Option(metavar="PATH", help="default: named after the checkpoint, here")] = None,
    pairs: Annotated[bool, typer.Option("--pairs", help="It reads pairs of texts: declare their token types.")] = False,
    lengths: Annotated[
        list[int] | None,
        typer.Option("--length", help="Tokens of a text, of a format that needs them fixed (litert); may be repeated."),
    ] = None,
    texts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Compare on these texts, one per line (of pairs with a tab between); default: random token ids.",
        ),
    ] = None,
    min_agreement: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Keep no file of which a smaller share of answers (of a tagger: F1 of entities; of a model with one "
            f"score: R²) equals the checkpoint's; default by format and precision: {limits('onnx')}.",
        ),
    ] = None,
) -> None:
    """Write a classifier of texts or tokens as one file that ships; exit with 1 if its answers are not PyTorch's."""
    from pocketbert.compress.pipeline.shipping.checkpoint import Asked, ExportFailed, export_checkpoint, target

    asked = Asked(pairs, texts, min_agreement, tuple(lengths or ()))
    path = target(checkpoint, format_, precision, out, asked.lengths)

    from pocketbert.compress.base.progress import Progress
    from pocketbert.compress.base.quiet import quiet

    quiet()
    try:
        with Progress() as progress:
            done = export_checkpoint(checkpoint, format_, precision, path, asked, progress)
    except ExportFailed as failed:
        for line in failed.compared:
            typer.echo(line)
        raise
    for line in [*done.notes, *done.compared]:
        typer.echo(line)
    typer.echo(f"{done.path}: {done.bytes / 1e6:,.1f} MB, reads {', '.join(done.inputs)}; tokenizer.json is beside it")


def _pairs(settings: list[str]) -> dict[str, str]:
    pairs = {}
    for setting in settings:
        key, found, value = setting.partition("=")
        if not found:
            raise BadInput(f"--set {setting}: expected KEY=VALUE, such as guard.max_drop=0.02")
        pairs[key.strip()] = value.strip()
    return pairs
