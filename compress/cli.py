"""The commands ``build``, ``evaluate``, ``export`` and ``schema``."""

import shlex
import sys
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pocketbert.compress.base.commands import AsJson, Command, Commands, echo, print_json
from pocketbert.compress.base.errors import BadInput, CheckFailed, percent
from pocketbert.compress.base.failures import BUILD_LOG, failures_logged
from pocketbert.compress.base.processes import rank
from pocketbert.compress.base.quiet import Verbosity, shown
from pocketbert.compress.exports import FORMATS, PRECISIONS, limits

_LIBRARIES = ("torch", "transformers", "onnxruntime", "onnx", "tokenizers")


app = typer.Typer(
    cls=Commands,
    help="Compress a fine-tuned Chinese BERT for phones and check every change against a baseline.",
    no_args_is_help=True,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
)
_PRECISIONS_OF_FORMATS = [f"{name}: {', '.join(known.precisions)}" for name, known in FORMATS.items()]
if TYPE_CHECKING:  # no type checker knows members that are computed
    Format = str
    Precision = str
    Split = str
else:
    Format = StrEnum("Format", {name: name for name in FORMATS})
    Precision = StrEnum("Precision", {name: name for name in PRECISIONS})
    Split = StrEnum("Split", {name: name for name in ("validation", "test")})
RecipeFile = Annotated[
    Path, typer.Argument(metavar="RECIPE", help="A recipe's name or file: mine, or recipes/mine.toml.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a key: guard.max_drop=0.02, distill.epochs=2 (the second one of a kind: distill.2.epochs), "
        "artifact.onnx.precision=int8. May be repeated.",
    ),
]
ArtifactsDir = Annotated[
    Path, typer.Option("--artifacts-dir", metavar="DIR", help="Folder with one folder of artifacts per recipe.")
]
VALIDATION = Split("validation")


@app.callback()
def pocketbert(
    ctx: typer.Context,
    version_: Annotated[
        bool, typer.Option("--version", help="Print the version; with -v also those of the libraries.")
    ] = False,
) -> None:
    if version_:
        libraries = _LIBRARIES if shown() is Verbosity.VERBOSE else ()
        for name in ("pocketbert", *libraries):
            echo(f"{name} {_version(name)}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        ctx.fail("Missing command.")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "is not installed"


@app.command(cls=Command)
def build(
    recipe: RecipeFile,
    artifacts: ArtifactsDir = Path("artifacts"),
    set_: Overrides = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print which steps are cached and which are to do, and why; build nothing.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Delete earlier results of this recipe and rebuild everything.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --fresh: do not ask.")] = False,
) -> None:
    """Run a recipe: train the teacher, apply the stages, export the files. Finished steps are cached."""
    from pocketbert.compress.pipeline.recipe import load_recipe

    checked = load_recipe(recipe, settings(set_ or []))
    root = artifacts / checked.name
    if fresh and not (yes or plan):
        confirm_fresh(root)

    from pocketbert.compress.base.progress import Progress
    from pocketbert.compress.base.quiet import quiet
    from pocketbert.compress.pipeline.build import build as run
    from pocketbert.compress.pipeline.build import plan as look
    from pocketbert.compress.pipeline.summary import plan_table, summary

    quiet()
    if plan:
        with Progress() as progress:
            planned = look(checked, root, progress, fresh)
        echo(plan_table(planned))
        return
    with failures_logged(root / BUILD_LOG), Progress() as progress:
        manifest = run(checked, root, shlex.join(["pocketbert", *sys.argv[1:]]), progress, fresh)
    if rank():  # the first process prints for all
        return
    echo(summary(manifest, root))
    if not any(artifact.role == "ship" for artifact in manifest.artifacts):
        raise CheckFailed(f"{root / 'manifest.json'}: nothing was exported; the lines above say why")
    echo(f"next: {next_command(checked.name, root)}")


def next_command(name: str, root: Path) -> str:
    """Return the command that measures what a build made in `root`; the first run of a recipe has no baseline yet."""
    built = name if root == Path("artifacts", name) else str(root / "manifest.json")
    first = "" if Path("baselines", f"{name}.json").exists() else " --gate-first-run"
    return f"pocketbert gate {shlex.quote(built)}{first}"


def confirm_fresh(root: Path) -> None:
    """Ask before earlier results are deleted.

    Raises:
        BadInput: there is no terminal to ask on.
    """
    if not root.is_dir() or rank():
        return
    if not sys.stdin.isatty():
        raise BadInput(f"{root} not deleted: no terminal to confirm. Rerun with --fresh --yes.")
    typer.confirm(f"delete what earlier builds left in {root}?", abort=True)


@app.command(cls=Command)
def evaluate(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A checkpoint folder, or an .onnx, .ort, .pte or .tflite file.")
    ],
    recipe: Annotated[Path, typer.Option(help="The recipe, by name or file, with the task and the dataset.")],
    split: Annotated[Split, typer.Option(help="Split of the dataset.")] = VALIDATION,
    artifacts: ArtifactsDir = Path("artifacts"),
    set_: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Compute the task metrics of a model on a split of the recipe's dataset."""
    from pocketbert.compress.pipeline.recipe import load_recipe

    checked = load_recipe(recipe, settings(set_ or []))

    from pocketbert.compress.base.progress import Progress
    from pocketbert.compress.base.quiet import quiet
    from pocketbert.compress.pipeline.evaluate import evaluate_file

    quiet()
    with failures_logged(artifacts / checked.name / BUILD_LOG), Progress() as progress:
        scores, rows = evaluate_file(Path(model), checked, str(split), progress)
    if as_json:
        found = {"model": model, "recipe": checked.name, "split": str(split), "rows": rows, "scores": scores}
        print_json(found)
        return
    for name, value in scores.items():
        echo(f"{name}: {percent(value, 2)} ({rows:,} {split} examples)")


@app.command(cls=Command)
def export(
    checkpoint: Annotated[
        str, typer.Argument(metavar="CHECKPOINT", help="A Hugging Face folder, or an id on Hugging Face Hub.")
    ],
    format_: Annotated[Format, typer.Option("--format", help="Format of the file.")],
    precision: Annotated[
        Precision, typer.Option(help=f"Precision of the weights. {'; '.join(_PRECISIONS_OF_FORMATS)}.")
    ],
    output: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Path of the file. By default its name is the checkpoint's.")
    ] = None,
    pairs: Annotated[
        bool, typer.Option("--pairs", help="The model takes sentence pairs (adds the input token_type_ids).")
    ] = False,
    lengths: Annotated[
        list[int] | None,
        typer.Option(
            "--length",
            help="Text length in tokens, for a format with fixed lengths: onnx-qdq, or litert (may be repeated).",
        ),
    ] = None,
    texts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Compare on these texts, one per line (pairs: with a tab between the two). "
            "By default random token ids are used; onnx-qdq needs texts.",
        ),
    ] = None,
    min_agreement: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Delete the file if a smaller share of its predictions equals the checkpoint's (tagging: F1 of "
            f"entities; a model with one score: R²). The default depends on format and precision: {limits('onnx')}.",
        ),
    ] = None,
) -> None:
    """Export a Hugging Face classifier to one file, and compare its predictions with PyTorch's."""
    from pocketbert.compress.pipeline.shipping.checkpoint import Asked, ExportFailed, export_checkpoint, target

    asked = Asked(pairs, texts, min_agreement, tuple(lengths or ()))
    path = target(checkpoint, str(format_), str(precision), output, asked.lengths)

    from pocketbert.compress.base.progress import Progress
    from pocketbert.compress.base.quiet import quiet

    quiet()
    try:
        with Progress() as progress:
            done = export_checkpoint(checkpoint, str(format_), str(precision), path, asked, progress)
    except ExportFailed as failed:
        for line in failed.compared:
            echo(line)
        raise
    for line in [*done.notes, *done.compared]:
        echo(line)
    echo(f"{done.path}: {done.bytes / 1e6:,.1f} MB, reads {', '.join(done.inputs)}; tokenizer.json is next to it")


@app.command(cls=Command)
def schema() -> None:
    """Print the JSON schema of recipes, with which an editor completes and checks them."""
    from pocketbert.compress.pipeline.reference import recipe_schema

    print_json(recipe_schema())


def settings(given: list[str]) -> dict[str, str]:
    """Split the values of --set.

    Raises:
        BadInput: a value is no KEY=VALUE.
    """
    found = {}
    for setting in given:
        key, equals, value = setting.partition("=")
        if not equals or not key.strip():
            raise BadInput(f"--set {setting}: expected KEY=VALUE, such as guard.max_drop=0.02")
        found[key.strip()] = value.strip()
    return found
