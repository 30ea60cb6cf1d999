"""The section ``[tool.pocketbert]`` of a pyproject.toml. It imports pydantic, so it is loaded for a gate run only."""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, PrivateAttr, ValidationError

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.explain import explain
from pocketbert.compress.base.paths import DOCUMENT, check_file
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
    budget: Annotated[float, Field(ge=0)] | None = None
    strict: bool = False
    _root: Path | None = PrivateAttr(None)

    @property
    def root(self) -> Path | None:
        """The folder of the file; None without a file that has the section."""
        return self._root


def load_project(*folders: Path) -> Project:
    """Read the nearest pyproject.toml with the section, in or above the first folder, then in or above the next one.

    Without a section, return the defaults.

    Raises:
        BadInput: a file is not TOML, or a key or a value of the section is wrong.
    """
    for path in dict.fromkeys(each / "pyproject.toml" for start in folders for each in (start, *start.parents)):
        if path.is_file() and (table := _section(path)) is not None:
            try:
                found = Project.model_validate(table)
            except ValidationError as error:
                raise BadInput(f"{path}: [tool.pocketbert] {explain(error, Project)}") from error
            found = found.model_copy(
                update={key: path.parent / value for key, value in found if isinstance(value, Path)}
            )
            found._root = path.parent
            return found
    return Project()


def _section(path: Path) -> Any:
    """Return the section of the file; None if it has none."""
    check_file(path, DOCUMENT)
    try:
        tool = tomllib.loads(path.read_text(encoding="utf-8-sig")).get("tool", {})
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        line = re.search(r"line \d+", str(error))
        raise BadInput(f"{path}: {f'{line[0]}: ' if line else ''}not TOML") from error
    if not isinstance(tool, dict):
        raise BadInput(f"{path}: tool = {tool!r}: [tool] is a table")
    return tool.get("pocketbert")
