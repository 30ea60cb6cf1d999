"""What a recipe may say. It is read once, at the door; afterwards everybody works with checked values."""

import tomllib
from collections.abc import Mapping, Sequence
from itertools import dropwhile
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo

from pocketbert.compress.base.errors import BadInput, nearest
from pocketbert.compress.base.strict import Frozen
from pocketbert.compress.data.settings import TaskTable
from pocketbert.compress.exports import FORMATS
from pocketbert.compress.stages import STAGES, StageParameters, parameters_class
from pocketbert.compress.tasks import TASKS
from pocketbert.compress.training.settings import TeacherTable


class GuardTable(Frozen):
    """``[guard]``: how much of the validation metric a step may cost (absolute), and what happens beyond that.

    ``weaken`` turns the strength of a stage down, at most `tries` times, before it rolls the stage back. An INT8 file
    gets layers back in float, as few as will do.
    """

    max_drop: float = Field(0.010, ge=0, lt=1)
    confidence: float = Field(0.95, gt=0.5, lt=1)
    on_fail: Literal["weaken", "rollback", "stop"] = "weaken"
    tries: int = Field(4, ge=1, le=20)


class ArtifactTable(Frozen):
    """``[[artifact]]``: one file to ship."""

    format: str
    precision: str = Field("fp32", validate_default=True)

    @field_validator("format")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in FORMATS:
            raise ValueError(f"unknown format {value!r}{nearest(value, FORMATS)}")
        return value

    @field_validator("precision")
    @classmethod
    def _possible(cls, value: str, info: ValidationInfo) -> str:
        known = FORMATS.get(info.data.get("format", ""))
        if known and value not in known.precisions:
            raise ValueError(f"legal for {info.data['format']}: {', '.join(known.precisions)}")
        return value


class Recipe(Frozen):
    """A whole recipe. `stages` holds one checked parameter object per ``[[stage]]``, in order."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    seed: int = Field(13, ge=0, lt=2**32)
    task: TaskTable
    teacher: TeacherTable
    guard: GuardTable = Field(default_factory=lambda: GuardTable.model_validate({}))
    stages: tuple[StageParameters, ...] = ()
    artifacts: tuple[ArtifactTable, ...] = Field((), alias="artifact")


def load_recipe(path: Path, overrides: Mapping[str, str] | None = None) -> Recipe:
    """Read and check a recipe file; `overrides` maps dotted keys (``stage.0.ratio``) to TOML values.

    Raises:
        BadInput: names the file, the key, and the nearest legal one.
    """
    if not path.is_file():
        raise BadInput(f"{path}: no such recipe")
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: not TOML: {error}") from error
    for key, value in (overrides or {}).items():
        _override(raw, key, value)
    if "stages" in raw:
        raise BadInput(f"{path}: stages: unknown key, did you mean 'stage'? Each one is a table headed [[stage]]")
    stages = raw.pop("stage", [])
    if not isinstance(stages, list):
        raise BadInput(f"{path}: stage: write each one as a table headed [[stage]]")
    try:
        raw["stages"] = [_stage(path, number, table) for number, table in enumerate(stages)]
        _check_zeros(path, raw["stages"])
        recipe = Recipe.model_validate(raw)
    except ValidationError as error:
        raise BadInput(f"{path}: {_explain(error, Recipe)}") from error
    if recipe.task.kind not in TASKS:
        raise BadInput(f"{path}: task.kind: unknown task {recipe.task.kind!r}{nearest(recipe.task.kind, TASKS)}")
    shipped = [f"{a.format}-{a.precision}" for a in recipe.artifacts]
    if twice := [name for name in shipped if shipped.count(name) > 1]:
        raise BadInput(f"{path}: artifact: {twice[0]} stands there twice")
    if not shipped:
        raise BadInput(f"{path}: artifact: nothing to ship; add [[artifact]] with format = {' | '.join(FORMATS)}")
    return recipe


def _stage(path: Path, number: int, table: Any) -> StageParameters:
    kind = table.get("kind") if isinstance(table, dict) else None
    if kind not in STAGES:
        raise BadInput(f"{path}: stage.{number}.kind: unknown stage {kind!r}{nearest(str(kind), STAGES)}")
    cls = parameters_class(kind)
    try:
        return cls.model_validate(table)
    except ValidationError as error:
        raise BadInput(f"{path}: stage.{number} ({kind}): {_explain(error, cls)}") from error


def _check_zeros(path: Path, stages: Sequence[StageParameters]) -> None:
    """Zeros come last: training would fill them again, and they are told against the same model without them."""
    behind = dropwhile(lambda numbered: numbered[1].kind != "sparsify", enumerate(stages))
    if others := [(number, stage.kind) for number, stage in behind if stage.kind != "sparsify"]:
        number, kind = others[0]
        raise BadInput(
            f"{path}: stage.{number} ({kind}): comes after sparsify; legal: before it; sparsify has a recover of its "
            "own, which keeps the zeros"
        )


def _override(raw: dict[str, Any], key: str, value: str) -> None:
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    *parents, last = key.split(".")
    table: Any = raw
    try:
        for part in parents:
            table = table[int(part)] if isinstance(table, list) else table.setdefault(part, {})
        table[int(last) if isinstance(table, list) else last] = parsed
    except (IndexError, ValueError, TypeError, AttributeError) as error:
        raise BadInput(f"--set {key}: there is no such key in the recipe") from error


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    """One complaint in one line, with the key as the recipe spells it; a misspelt key before the one then missing."""
    first = min(error.errors(), key=lambda complaint: complaint["type"] != "extra_forbidden")
    *parents, key = first["loc"] or ("",)
    where = ".".join(str(part) for part in first["loc"] if part != "[key]")
    if first["type"] == "extra_forbidden":
        return f"{where}: unknown key{nearest(str(key), _fields(model, parents))}"
    if first["type"] == "missing":
        return f"{where}: is missing"
    message = first["msg"].removeprefix("Value error, ")
    if isinstance(first["input"], dict):  # a table, which the message has named what is wrong with
        return f"{where}: {message}" if where else message
    return f"{where}: {message}, found {first['input']!r}"


def _fields(model: type[BaseModel], parents: list[Any]) -> Mapping[str, FieldInfo]:
    """The legal keys at `parents`, following nested tables; the top level speaks of ``stage``, not ``stages``."""
    for part in parents:
        if isinstance(part, int):
            continue
        field = next(f for name, f in model.model_fields.items() if part in (name, f.alias))
        candidates = [field.annotation, *get_args(field.annotation)]
        model = next(c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel))
    spelled = {field.alias or name: field for name, field in model.model_fields.items()}
    if "stages" in spelled:
        spelled["stage"] = spelled.pop("stages")
    return spelled
