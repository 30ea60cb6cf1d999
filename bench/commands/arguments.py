"""Arguments that several commands take: a recipe's results and manifest, by the recipe's name or as files."""

from pathlib import Path
from typing import Annotated

import typer

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.paths import exists

_RECIPE = ".toml"


def recipe_name(given: str) -> str | None:
    """Return the name of the recipe that `given` names, by itself or as a file; None if it is another file."""
    path = Path(given)
    if path.suffix == _RECIPE:
        from pocketbert.compress.pipeline.recipe import load_recipe

        return load_recipe(path).name
    bare = path.name == given and path.suffix != ".json" and not path.is_file()
    return given if bare else None


def results_file(given: str) -> Path:
    """Return the results that are meant: a file, or reports/NAME.json of a recipe."""
    name = recipe_name(given)
    return Path(given) if name is None else reports_folder() / f"{name}.json"


def manifest_file(given: str) -> Path:
    """Return the manifest that is meant: a file, or artifacts/NAME/manifest.json of a recipe.

    Raises:
        BadInput: there is none.
    """
    name = recipe_name(given)
    path = Path(given) if name is None else Path("artifacts", name, "manifest.json")
    if not exists(path):
        hint = f"; build the recipe first: pocketbert build {given}" if name else ""
        raise BadInput(f"{path}: no such manifest{hint}")
    return path


def reports_folder() -> Path:
    """Return the folder of the gate's reports: the project's, or else the default one."""
    from pocketbert.bench.gate.options import DEFAULTS
    from pocketbert.bench.gate.project import load_project
    from pocketbert.compress.base.files import as_typed

    project = load_project(Path.cwd())
    return Path(as_typed(project.reports or (project.root or Path.cwd()) / DEFAULTS["reports"]))


ResultsFile = Annotated[
    Path,
    typer.Argument(
        metavar="RESULTS", parser=results_file, help="A recipe's name, or a results file such as reports/mine.json."
    ),
]
Reports = Annotated[Path | None, typer.Option("--reports", metavar="DIR", help="Folder of the gate's reports.")]
StoreFolder = Annotated[
    Path | None, typer.Option("--store", metavar="DIR", help="Folder with copies of earlier artifacts.")
]
