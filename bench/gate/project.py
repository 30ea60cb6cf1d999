"""The section ``[tool.pocketbert]`` of a pyproject.toml. It imports pydantic, so it is loaded for a gate run only."""

import re
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, ValidationError

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.explain import explain
from pocketbert.compress.base.strict import Frozen

_Path = Annotated[Path, Field(strict=False)]  # strictly, no text is a path


class Project(Frozen):
    """Defaults of the ``--gate-…`` options; paths are relative to the folder of the file."""

    model_config = ConfigDict(strict=True)
    manifest: _Path | None = None
    baseline: _Path | None = None
    reports: _Path | None = None
    store: _Path | None = None
    profiles: list[str] = []
    budget: float | None = None
    strict: bool = False


def load_project(folder: Path) -> Project:
    """Read the section of the nearest pyproject.toml in or above `folder`; without a section, return the defaults.

    Raises:
        BadInput: the file is not TOML, or a key or a value of the section is wrong.
    """
    path = next((p for p in (each / "pyproject.toml" for each in (folder, *folder.parents)) if p.is_file()), None)
    if path is None:
        return Project()
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("pocketbert", {})
        found = Project.model_validate(table)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from error
    except ValidationError as error:
        raise BadInput(f"{path}: [tool.pocketbert] {explain(error, Project)}") from error
    except ValueError as error:
        line = re.search(r"line \d+", str(error))
        raise BadInput(f"{path}: {f'{line[0]}: ' if line else ''}not TOML") from error
    return found.model_copy(update={key: path.parent / value for key, value in found if isinstance(value, Path)})
