"""The recipe's schema and its loader: TOML in, a validated `Recipe` out."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from itertools import dropwhile
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Self, TypeVar

from pydantic import Field, PositiveInt, ValidationError, model_validator

from pocketbert.compress.base.errors import BadInput, nearest
from pocketbert.compress.base.explain import explain
from pocketbert.compress.base.paths import DOCUMENT, check_file, exists
from pocketbert.compress.base.strict import FileName, Frozen, Points, Share
from pocketbert.compress.data.settings import TaskTable
from pocketbert.compress.exports import FORMATS, PRECISIONS, file_name, step_name, wrong_lengths, wrong_precision
from pocketbert.compress.stages import StageParameters, stage_kinds, stage_module
from pocketbert.compress.tasks import TASKS
from pocketbert.compress.training.settings import Schedule, TeacherTable

Table = TypeVar("Table", bound=Frozen)
Given = Mapping[str, str]
"""Dotted key that --set changed -> the option as the user wrote it."""
_SHOWN = 40
"""Characters of a value of --set that a message shows."""
TEACHER = "00-teacher"
"""Name of the first step."""
FOLDER = Path("recipes")
"""Where a recipe is found by its name."""


class GuardTable(Frozen):
    """``[guard]``: the largest allowed drop of the validation metric, and what happens beyond it."""

    max_drop: Points = 0.010
    """Largest allowed drop of the validation metric below the teacher's, as a fraction (0.010) or in percentage points
    (``"1.0 pp"``)."""
    confidence: float = Field(0.95, gt=0.5, lt=1)
    """Level of the confidence interval of a drop. If the interval contains `max_drop`, the estimate decides, and the
    step is marked as inconclusive."""
    on_fail: Literal["weaken", "rollback", "stop"] = "weaken"
    """What happens to a rejected step. ``weaken`` retries a stage at a lower strength; of an INT8 or INT4 file, the
    layers that rounding hurts most get a higher precision. ``rollback`` undoes the step. ``stop`` ends the build."""
    rows: Literal["all", "half"] = "all"
    """Validation examples that the guard decides on. ``half`` holds back half of each label for the guard, and best
    epochs are chosen on the other half; below 1,000 examples it means ``all``. On examples that also chose the best
    epoch, drops are too small."""
    tries: int = Field(4, ge=1, le=20)
    """How often a stage is retried before it is undone (with ``weaken``)."""


class ArtifactTable(Frozen):
    """``[[artifact]]``: one file to export."""

    format: str = Field(json_schema_extra={"enum": [*FORMATS]})
    """Format of the file; `pocketbert list formats` names them all."""
    precision: str = Field("fp32", json_schema_extra={"enum": [*PRECISIONS]})
    """Precision of the weights: fp32, fp16, int8 or int4, as far as the format has them."""
    lengths: tuple[PositiveInt, ...] = ()
    """Text lengths, in tokens and in increasing order, of a format whose files take texts of fixed lengths. A shorter
    text is padded to the next length."""
    ort: bool = False
    """Also write an ONNX file in ONNX Runtime's own format (.ort)."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.format not in FORMATS:
            raise ValueError(f'format = "{self.format}": unknown format{nearest(self.format, FORMATS)}')
        if wrong := wrong_precision(self.format, self.precision):
            raise ValueError(f'precision = "{self.precision}": {wrong}')
        if wrong := wrong_lengths(self.format, self.lengths):
            raise ValueError(f"lengths {f'= {list(self.lengths)}' if self.lengths else 'is missing'}: {wrong}")
        return self

    @model_validator(mode="after")
    def _has_ort(self) -> Self:
        if self.ort and self.format != "onnx":
            raise ValueError(f'ort = true: allowed for format = "onnx", not "{self.format}"; remove it')
        if self.ort and self.precision not in (allowed := FORMATS["ort"].precisions):
            raise ValueError(
                f"ort = true: ONNX Runtime unpacks {self.precision.upper()} weights when it writes an .ort file; "
                f"allowed: {', '.join(allowed)}"
            )
        return self

    def files(self) -> list["ArtifactTable"]:
        """Return one table for each file, the one that the guard decides about first: that of the longest texts."""
        plain = self.model_copy(update={"ort": False})
        if FORMATS[self.format].calibrated:
            return [plain.model_copy(update={"lengths": (length,)}) for length in reversed(self.lengths)]
        return [plain, *([plain.model_copy(update={"format": "ort"})] if self.ort else [])]

    @property
    def file(self) -> str:
        """Name of the file."""
        return file_name(self.format, self.precision, self.lengths)

    @property
    def step(self) -> str:
        """Name of the step that exports it."""
        return step_name(self.format, self.precision, self.lengths)


class RecordedTable(Frozen):
    """``[[recorded]]``: a figure of another run, which the report shows beside the measured ones."""

    what: str
    """The model that has the figure, such as ``a student that learns from the labels alone``."""
    value: Share
    """Its metric on the test split, as a fraction."""
    source: str
    """Where the figure and the way to repeat it are written down."""


class Recipe(Frozen):
    """A recipe: what is compressed, by which stages, into which files."""

    name: FileName
    """Name of the recipe and of the folder below `artifacts/` that a build writes: ASCII letters, digits, . _ -"""
    seed: int = Field(13, ge=0, le=2**32 - 1)
    """Seed of every random choice: new weights, dropout, the order of examples."""
    task: TaskTable
    """The task to learn, and the dataset to learn it from."""
    teacher: TeacherTable
    """The model to compress, and its fine-tuning."""
    guard: GuardTable = Field(default_factory=lambda: GuardTable.model_validate({}))
    """The largest allowed drop of the validation metric, and what happens beyond it."""
    stages: tuple[StageParameters, ...] = Field((), alias="stage")
    """The stages that change the model, in order. Each one is a table headed ``[[stage]]``, of the kind that its key
    `kind` names."""
    artifacts: tuple[ArtifactTable, ...] = Field((), alias="artifact")
    """The files to export. Each one is a table headed ``[[artifact]]``."""
    recorded: tuple[RecordedTable, ...] = ()
    """Figures of other runs, which the report shows beside the measured ones. Each one is a table headed
    ``[[recorded]]``."""

    @property
    def chooses_epochs(self) -> bool:
        """Whether a training has several epochs, of which the validation rows choose the best one."""
        trainings = [self.teacher, *self.stages, *(getattr(stage, "recover", None) for stage in self.stages)]
        return any(isinstance(each, Schedule) and each.epochs > 1 for each in trainings)

    @property
    def steps(self) -> list[str]:
        """Names of the steps of a build, in their order: the teacher, the stages, the exported files."""
        stages = [f"{number:02d}-{stage.kind}" for number, stage in enumerate(self.stages, start=1)]
        return [TEACHER, *stages, *(one.step for made in self.artifacts for one in made.files())]


def find_recipe(given: Path) -> Path:
    """Return the file of a recipe: `given`, or recipes/NAME.toml of a bare name.

    Raises:
        BadInput: there is no such recipe.
    """
    check_file(given, DOCUMENT)
    if exists(given) and not given.is_dir():
        return given
    if given.name != str(given) or given.suffix == ".toml":
        raise BadInput(f"{given}: no such recipe{_others(given.stem)}")
    path = FOLDER / f"{given}.toml"
    check_file(path, DOCUMENT)
    if not exists(path):
        raise BadInput(f"{path}: no such recipe{_others(str(given))}")
    return path


def _others(name: str) -> str:
    """Return the end of the message about a missing recipe: the recipes that exist, or the command that writes one."""
    known = {other.stem: other for other in sorted(FOLDER.glob("*.toml"))}
    init = "; pocketbert init NAME --model MODEL --data DATA writes one"
    return nearest(name, known) if known else init


def load_recipe(path: Path, overrides: Mapping[str, str] | None = None) -> Recipe:
    """Read and check a recipe, a file or a name.

    `overrides` maps dotted keys (``distill.epochs``, see `_override`) to TOML values.

    Raises:
        BadInput: names the file, the line or the key, and what is expected there.
    """
    path = find_recipe(path)
    text, raw = _read(path)
    given: dict[str, str] = {}
    for key, value in (overrides or {}).items():
        given[_override(raw, key, value)] = f"--set {key}={value[:_SHOWN]}{'…' if value[_SHOWN:] else ''}"
    if large := next(_too_large(raw), None):
        raise BadInput(f"{_blamed(str(path), given, large)}: {large}: a whole number of more than 64 bits")
    tables = _tables(path, text, raw, "stage", "kind")
    stages = [(where, _stage(where, table, _inside(given, f"stage.{n}"))) for n, (where, table) in enumerate(tables)]
    _check_zeros(stages)
    raw["stage"] = [stage for _, stage in stages]
    files = _tables(path, text, raw, "artifact", "format")
    raw["artifact"] = [
        _checked(where, ArtifactTable, table, "artifact", _inside(given, f"artifact.{n}"))
        for n, (where, table) in enumerate(files)
    ]
    recipe = _checked(str(path), Recipe, raw, given=given)
    if recipe.task.kind not in TASKS:
        kind = recipe.task.kind
        where = _blamed(str(path), given, "task.kind")
        raise BadInput(f'{where}: task.kind = "{kind}": unknown task{nearest(kind, TASKS)}')
    for (where, _), made in zip(files, recipe.artifacts, strict=True):
        if made.lengths and made.lengths[-1] < (longest := recipe.task.max_length):
            said = f"{where}: lengths = {list(made.lengths)}: task.max_length is {longest}"
            raise BadInput(
                f"{said}, and texts are not truncated; add a length of {longest} or more, or lower task.max_length"
            )
    shipped = [one.file for made in recipe.artifacts for one in made.files()]
    if twice := [one for made in recipe.artifacts for one in made.files() if shipped.count(one.file) > 1]:
        raise BadInput(f"{path}: artifact: {twice[0].format}-{twice[0].precision} is listed twice; remove one")
    if not shipped:
        raise BadInput(f"{path}: no [[artifact]], so nothing to export; add one with format = {' | '.join(FORMATS)}")
    return recipe


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        for name in ("stage", "artifact", "recorded"):
            if single := _lines(text, f"[{name}]"):
                raise BadInput(f"{path}: line {single[0]}: write every {name} as [[{name}]] (double brackets)")
        return text, tomllib.loads(text)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not UTF-8; save the file in that encoding") from error
    except RecursionError as error:
        raise BadInput(f"{path}: not TOML: lists or tables are nested too deeply") from error
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        shown = f"line {found[1]}: {text.splitlines()[int(found[1]) - 1].strip()}" if found else "the end"
        expected = "expected key = value, text in quotes, no key or table twice"
        raise BadInput(f"{path}: not TOML at {shown}; {expected}") from error
    except ValueError as error:  # of `int`
        raise BadInput(f"{path}: not TOML: a whole number has thousands of digits") from error


def _too_large(raw: dict[str, Any]) -> Iterator[str]:
    """Yield the keys whose whole numbers TOML does not have."""
    left: list[tuple[str, Any]] = list(raw.items())
    for where, value in left:  # grows: dotted keys nest more deeply than functions can
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            yield where
        entries: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        left += [(f"{where}.{key}", inner) for key, inner in entries]


def _lines(text: str, header: str) -> list[int]:
    """Return the numbers of the lines that are this table header, from 1."""
    lines = enumerate(text.splitlines(), start=1)
    return [number for number, line in lines if line.partition("#")[0].replace(" ", "").strip() == header]


def _tables(path: Path, text: str, raw: dict[str, Any], name: str, kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the tables headed ``[[name]]``, each after its place: ``mine.toml: stage 2 (distill), line 28``."""
    tables = raw.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise BadInput(f"{path}: {name}: write each one as a table headed [[{name}]]")
    lines = [f", line {line}" for line in _lines(text, f"[[{name}]]")]
    if len(lines) != len(tables):  # some are written otherwise, or came with --set
        lines = [""] * len(tables)
    kinds = [f" ({table[kind]})" if kind in table else "" for table in tables]
    places = [f"{path}: {name} {n + 1}{kinds[n]}{lines[n]}" for n in range(len(tables))]
    return list(zip(places, tables, strict=True))


def _stage(where: str, table: dict[str, Any], given: Given) -> StageParameters:
    kind, kinds = table.get("kind"), stage_kinds()
    if str(kind) not in kinds:
        where = _blamed(where, given, "kind")
        raise BadInput(f"{where}: {'unknown kind' if kind else 'kind is missing'}{nearest(str(kind), kinds)}")
    return _checked(where, stage_module(str(kind)).Parameters, table, "stage", given)


def _checked(
    where: str, model: type[Table], table: dict[str, Any], header: str = "", given: Given = MappingProxyType({})
) -> Table:
    try:
        return model.model_validate(table)
    except ValidationError as error:
        said = explain(error, model, header)
        raise BadInput(f"{_blamed(where, given, said)}: {said}") from error
    except UnicodeEncodeError as error:  # from the command line
        raise BadInput(f"{where}: a key or a text holds half of a character") from error


def _inside(given: Given, table: str) -> dict[str, str]:
    """Return the settings of keys inside a table, by their keys there."""
    return {key.removeprefix(f"{table}."): said for key, said in given.items() if key.startswith(f"{table}.")}


def _blamed(where: str, given: Given, said: str) -> str:
    """Return what a message is about, in place of `where`: the setting whose key the message begins with, if any.

    If the message is about several keys, and settings changed some keys of the table, these are added to `where`.
    """
    for key, setting in given.items():
        if re.match(rf"{re.escape(key)}(?![\w-])", said):
            return setting
    names_a_key = re.match(r"[\w.-]+ (=|entry|is missing)|[\w.-]+:( unknown key|$)", said)
    return where if names_a_key or not given else f"{where}, with {' '.join(given.values())}"


def _check_zeros(stages: Sequence[tuple[str, StageParameters]]) -> None:
    """Check that zeros come last: training would overwrite them, and their size is compared with the model before."""
    behind = dropwhile(lambda placed: placed[1].kind != "sparsify", stages)
    if others := [where for where, stage in behind if stage.kind != "sparsify"]:
        raise BadInput(f"{others[0]} comes after sparsify; move it before: only sparsify's own recover keeps the zeros")


def _override(raw: dict[str, Any], key: str, value: str) -> str:
    """Set one key of a recipe that is not checked yet, and return the key with indexes in place of names.

    A stage is named by its kind (``distill.epochs``; the second one of a kind: ``distill.2.epochs``), a file by its
    format (``artifact.onnx.precision``), and both by their index from 0 (``stage.1.epochs``).
    """
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        parsed = value
    placed = _placed(raw, key)
    *parents, last = placed
    table: Any = raw
    try:
        for part in parents:
            table = table[int(part)] if isinstance(table, list) else table.setdefault(part, {})
        table[int(last) if isinstance(table, list) else last] = parsed
    except (IndexError, ValueError, TypeError, AttributeError) as error:
        named = "name a stage by its kind, such as distill.epochs, and a file by its format: artifact.onnx.precision"
        raise BadInput(f"--set {key}: the recipe has no such key; {named}") from error
    return ".".join(placed)


def _placed(raw: dict[str, Any], key: str) -> list[str]:
    """Return the parts of a key, with the index of its stage or file in place of the name.

    Raises:
        BadInput: the recipe has no such stage or file.
    """
    parts = key.split(".")
    if parts[0] in stage_kinds():
        parts = ["stage", *parts]
    tops = dict.fromkeys(field.alias or name for name, field in Recipe.model_fields.items())
    if parts[0] not in tops:
        raise BadInput(f"--set {key}: unknown key {parts[0]!r}{nearest(parts[0], {**tops, **stage_kinds()})}")
    by = {"stage": "kind", "artifact": "format"}.get(parts[0])
    known: Mapping[str, Any] = stage_kinds() if by == "kind" else FORMATS
    if by is None or len(parts) < 2 or parts[1] not in known:
        return parts
    header, name, *rest = parts
    tables = raw.get(header, [])
    names = [table.get(by) if isinstance(table, dict) else None for table in tables] if isinstance(tables, list) else []
    places = [place for place, each in enumerate(names) if each == name]
    number = int(rest.pop(0)) if rest and rest[0].isdecimal() and len(rest[0]) < 5 else 1
    if not 1 <= number <= len(places):
        has = f"{len(places)} of this {by}" if places else f"only {', '.join(map(str, names)) or 'none'}"
        raise BadInput(f"--set {key}: the recipe has no {header} {name} {number}; it has {has}")
    return [header, str(places[number - 1]), *rest]
