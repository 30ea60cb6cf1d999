"""The section ``[tool.pocketbert]`` of a project's pyproject.toml."""

from pathlib import Path

import pytest

from pocketbert.bench.gate.project import Project, load_project
from pocketbert.compress.base.errors import BadInput


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            "manifests = 'x'",
            r"manifests: unknown key, did you mean 'manifest'\? \(expected one of: manifest, baseline,",
        ),
        ("manifest = 3", r"manifest = 3: expected text in quotes$"),
        ("profiles = 'cpu'", r'profiles = "cpu": expected a list'),
        ("profiles = ['cpu', 1]", r"profiles entry 2 = 1: expected text in quotes$"),
        ("budget = true", r"budget = true: expected a number, 0 or more$"),
        ("budget = '3'", r'budget = "3": expected a number'),
        ("budget = nan", r"budget = NaN: expected a number"),
        ("budget = -1", r"budget = -1: expected a number, 0 or more$"),
        ("strict = 'yes'", r'strict = "yes": expected true or false$'),
    ],
)
def test_a_wrong_section_is_refused_in_one_line(tmp_path: Path, section: str, message: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.pocketbert]\n{section}\n")
    with pytest.raises(BadInput, match=rf"pyproject\.toml: \[tool\.pocketbert\] {message}"):
        load_project(tmp_path / "deeper")


def test_a_file_that_is_not_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.pocketbert]\nbudget = = 3\n")
    with pytest.raises(BadInput, match=r"pyproject\.toml: line 2: not TOML$"):
        load_project(tmp_path)


def test_paths_are_relative_to_the_nearest_file(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.pocketbert]\nmanifest = 'm.json'\nstore = '/s'\nbudget = 3\n")
    (tmp_path / "inner/deeper").mkdir(parents=True)
    found = load_project(tmp_path / "inner/deeper")
    assert (found.manifest, found.store, found.reports) == (tmp_path / "m.json", Path("/s"), None)
    assert (found.budget, found.profiles, found.strict) == (3.0, [], False)
    (tmp_path / "inner/pyproject.toml").write_text("[project]\n")
    assert load_project(tmp_path / "inner/deeper").root == tmp_path, "the nearest file that has the section"


def test_a_folder_outside_of_a_project_takes_the_section_of_the_root_directory(tmp_path: Path) -> None:
    outside, project = tmp_path / "outside", tmp_path / "project"
    for folder in (outside, project):
        folder.mkdir()
    assert load_project(outside, project) == Project()
    (project / "pyproject.toml").write_text("[tool.pocketbert]\nbaseline = 'b.json'\n")
    assert load_project(outside, project).baseline == project / "b.json"
    (outside / "pyproject.toml").write_text("[tool.pocketbert]\n")
    assert (load_project(outside, project).root, load_project(outside, project).baseline) == (outside, None)
