"""``pocketbert baseline``: the figures that a run is compared with."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pocketbert.bench.commands.arguments import ResultsFile, StoreFolder, recipe_name, results_file
from pocketbert.compress.base.commands import AsJson, Command, echo, print_json
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.strict import as_fraction

if TYPE_CHECKING:
    from pocketbert.bench.records.baseline import Baseline

baseline_app = typer.Typer(no_args_is_help=True, help="Show, compare, update or pin the stored baseline.")
BaselineFile = Annotated[
    Path | None, typer.Option("--baseline", metavar="FILE", help="Baseline file. Default: baselines/<recipe>.json.")
]
Limit = Annotated[
    float | None,
    typer.Option(metavar="SHARE", help="Largest change against the pinned baseline: 0.1 is +10 %."),
]
PointLimit = Annotated[
    float | None,
    typer.Option(metavar="SHARE", parser=as_fraction, help='Largest drop below the pinned baseline: 0.1 or "10 pp".'),
]


@baseline_app.command("show", cls=Command)
def show(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="A recipe's name or file, or results such as reports/mine.json.")
    ],
    baseline: BaselineFile = None,
    as_json: AsJson = False,
) -> None:
    """Print the baseline of a recipe."""
    from pocketbert.bench.records.baseline import describe, load_baseline
    from pocketbert.bench.records.results import load_results

    name = recipe_name(recipe) or load_results(results_file(recipe)).recipe
    found = load_baseline(_path(name, baseline))
    if as_json:
        print_json(found.model_dump(mode="json", by_alias=True))
    else:
        echo(describe(found))


@baseline_app.command("diff", cls=Command)
def diff_baseline(results: ResultsFile, baseline: BaselineFile = None, as_json: AsJson = False) -> None:
    """Print what these results would change in the baseline."""
    from pocketbert.bench.records.baseline import diff, differences

    old, unreadable, new, _ = _change(results, baseline)
    if as_json:
        if unreadable:
            echo(unreadable.strip(), err=True)
        print_json([change._asdict() for change in differences(old, new)])
    else:
        echo(unreadable + diff(old, new))


@baseline_app.command("update", cls=Command)
def update(
    results: ResultsFile,
    baseline: BaselineFile = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Make these results the baseline, after showing what changes."""
    from pocketbert.bench.gate.project import load_project
    from pocketbert.bench.records.baseline import FOLDER, diff
    from pocketbert.bench.records.pins import updates_since
    from pocketbert.compress.base.files import write_json

    old, unreadable, new, path = _change(results, baseline)
    echo(unreadable + diff(old, new))
    if not yes:
        if not sys.stdin.isatty():
            raise BadInput(f"{path} not updated: no terminal to confirm. Check the table above and rerun with --yes.")
        typer.confirm(f"rewrite {path}?", abort=True)
    write_json(path, new)
    echo(f"written: {path}")
    for since in updates_since((load_project(Path.cwd()).root or Path.cwd()) / FOLDER, new):
        echo(str(since))


@baseline_app.command("pin", cls=Command)
def pin(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the pin, such as a release: v1.")],
    recipe: Annotated[
        str | None, typer.Argument(metavar="[RECIPE]", help="Name or file of a recipe. Default: that of --baseline.")
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", metavar="FILE", help="Baseline file. Default: the only one in baselines/."),
    ] = None,
    store: StoreFolder = None,
    latency: Limit = None,
    memory: Limit = None,
    size: Limit = None,
    accuracy: PointLimit = None,
) -> None:
    """Keep the current baseline with its files, for `--gate-against NAME`; its limits are twice the usual ones."""
    from pocketbert.bench.gate.options import DEFAULTS
    from pocketbert.bench.gate.project import load_project
    from pocketbert.bench.records import pins
    from pocketbert.bench.records.baseline import FOLDER, load_baseline
    from pocketbert.bench.records.store import Store
    from pocketbert.compress.base.files import as_typed

    project = load_project(Path.cwd())
    root = project.root or Path.cwd()
    if recipe and baseline:
        raise BadInput("give RECIPE or --baseline, not both")
    named = root / FOLDER / f"{recipe_name(recipe) or Path(recipe).stem}.json" if recipe else None
    found = load_baseline(baseline or named or project.baseline or _only(root / FOLDER))
    path = pins.path_of(root / FOLDER, name, found.recipe)
    given = {"latency": latency, "memory": memory, "size": size, "accuracy": accuracy}
    limits = {metric: limit for metric, limit in given.items() if limit is not None}
    pins.pin(found, path, Store(store or project.store or root / DEFAULTS["store"]), limits)
    compare = f"pocketbert gate {found.recipe} --gate-against {name}"
    echo(f"written: {as_typed(path)}; commit it, and compare with it: {compare}")


def _only(folder: Path) -> Path:
    """Return the only baseline in the folder."""
    found = sorted(folder.glob("[!.]*.json"))  # a killed update leaves a hidden one
    if not found:
        raise BadInput(f"{folder}: no baseline yet: pocketbert baseline update NAME")
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise BadInput(f"{folder}: which baseline? Name its recipe or, with --baseline, its file; found: {names}")
    return found[0]


def _path(recipe: str, given: Path | None) -> Path:
    from pocketbert.bench.gate.project import load_project
    from pocketbert.bench.records.baseline import FOLDER
    from pocketbert.compress.base.files import as_typed

    if given:
        return given
    project = load_project(Path.cwd())
    return project.baseline or Path(as_typed((project.root or Path.cwd()) / FOLDER / f"{recipe}.json"))


def _change(results: Path, given: Path | None) -> tuple["Baseline | None", str, "Baseline", Path]:
    """Return the old baseline, a remark if it cannot be read, the new baseline, and its path."""
    from pocketbert.bench.records.baseline import check_replaces, load_baseline, make_baseline
    from pocketbert.bench.records.results import load_results

    found = load_results(results)
    path = _path(found.recipe, given)
    old, unreadable = None, ""
    if path.exists():
        try:
            old = load_baseline(path)
        except BadInput as refused:
            unreadable = f"the old baseline cannot be read and is replaced, thresholds included: {refused}\n\n"
        else:
            check_replaces(old, found, path)
    return old, unreadable, make_baseline(found, old), path
