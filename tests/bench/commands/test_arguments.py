"""Names of recipes in place of files."""

from pathlib import Path

import pytest

from pocketbert.bench.commands.arguments import manifest_file, recipe_name, results_file
from pocketbert.compress.base.errors import BadInput

RECIPE = 'name = "other"\n[task]\ndataset = "d"\n[teacher]\nmodel = "m"\n[[artifact]]\nformat = "onnx"\n'


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes/mine.toml").write_text(RECIPE, encoding="utf-8")


def test_a_bare_name_is_a_recipes_and_a_recipe_file_has_its_own() -> None:
    assert recipe_name("mine") == "mine"
    assert recipe_name("v1.2") == "v1.2"
    assert recipe_name("recipes/mine.toml") == "other"
    assert recipe_name("reports/mine.json") is None
    assert recipe_name("mine.json") is None


def test_results_are_in_the_projects_reports() -> None:
    assert results_file("mine") == Path("reports/mine.json")
    assert results_file("recipes/mine.toml") == Path("reports/other.json")
    assert results_file("elsewhere/a.json") == Path("elsewhere/a.json")
    Path("pyproject.toml").write_text('[tool.pocketbert]\nreports = "build/reports"\n', encoding="utf-8")
    assert results_file("mine") == Path("build/reports/mine.json")


def test_a_manifest_that_is_missing_names_the_command_that_makes_it() -> None:
    with pytest.raises(BadInput, match=r"artifacts/mine/manifest\.json: no such manifest; build the recipe first: "):
        manifest_file("mine")
    built = Path("artifacts/mine/manifest.json")
    built.parent.mkdir(parents=True)
    built.write_text("{}")
    assert manifest_file("mine") == built
    assert manifest_file(str(built)) == built
