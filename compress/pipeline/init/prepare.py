"""Writes the first recipe for a model and its data. Read this module first."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from pocketbert.compress.base.errors import BadInput, CheckFailed
from pocketbert.compress.base.files import atomic_write
from pocketbert.compress.base.paths import exists
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.strict import FileName
from pocketbert.compress.data.findings import find
from pocketbert.compress.data.load import BUILTIN_DATA
from pocketbert.compress.data.settings import TaskTable
from pocketbert.compress.data.texts import Texts, read_texts
from pocketbert.compress.models.checks import check_head, check_positions, check_types
from pocketbert.compress.pipeline.init.columns import find_columns
from pocketbert.compress.pipeline.init.dataset import as_given, find_dataset
from pocketbert.compress.pipeline.init.facts import data_line, length_line
from pocketbert.compress.pipeline.init.labels import Order, decide_order, sample
from pocketbert.compress.pipeline.init.model import Description, describe, load, longest, prunable
from pocketbert.compress.pipeline.init.template import SIZES, Size, Wanted, recipe_text
from pocketbert.compress.pipeline.recipe import FOLDER, Recipe, load_recipe
from pocketbert.compress.pipeline.steps.minutes import Timed, estimate_s, in_words, sizes_of, time_texts
from pocketbert.compress.pipeline.steps.teacher import check_stages
from pocketbert.compress.runtimes import usable_threads
from pocketbert.compress.tasks.inputs import NotFinite
from pocketbert.compress.tasks.rows import is_grouped
from pocketbert.compress.tasks.tokenizer import plain

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel

_MAX_LENGTH = 128
_TEXTS = 2000
"""Training texts whose lengths are counted."""
_BUSY = 2.0
"""Times as long as on an idle machine, from which a machine is called busy."""


class Line(NamedTuple):
    """One line about a model and its data."""

    name: str
    text: str


class Request(NamedTuple):
    """What the user asks for, and the command line that says so."""

    name: str
    model: str
    data: str
    size: Size
    command: str


def prepare(asked: Request, progress: Progress) -> Iterator[Line]:
    """Check model and data together, yield what is found, and write recipes/NAME.toml.

    Raises:
        BadInput: the recipe exists already, the model or the data cannot be used, or one does not fit the other.
        CheckFailed: the order of the labels is contradicted or not decided, or the model is no better than chance.
    """
    path = _new_recipe(asked.name)  # before anything is read; and again before it is written
    model = describe(asked.model, Path("artifacts"))
    yield Line("model", model.line())
    task = _task(model, asked.data)
    with as_given(asked.data, task["dataset"]):
        texts = read_texts(TaskTable.model_validate(task))
    yield Line("data", data_line(texts, task))
    for remark in [*texts.remarks, *find(texts).remarks]:
        yield Line("", remark)
    _check_fits(model, texts)
    loaded, tokenizer = _load(model, texts)
    comments = {
        "hold_out": "shares of the texts of each label in train, chosen by a hash of the text",
        "max_length": "tokens; of a longer text the rest is not read",
    }
    scored = _score(loaded, tokenizer, texts, progress)
    if model.tuned:
        order = decide_order(model, texts.task, scored.timed.logits, scored.gold, scored.rows)
        yield Line("labels", order.line)
        task, comments = _with_order(task, comments, order)
    train = {name: values[:_TEXTS] for name, values in texts.splits["train"].items()}
    yield Line("length", length_line(texts.task.encode(tokenizer, train), texts.task.max_length))
    wanted = Wanted(
        name=asked.name,
        command=asked.command,
        model=asked.model,
        tuned=model.tuned,
        task=task,
        comments=comments,
        config=model.config,
        prunable=prunable(tokenizer),
        grouped=[split for split, columns in texts.splits.items() if is_grouped(columns.get("label", []))],
    )
    recipes = {size: _checked(wanted, size) for size in SIZES}
    check_stages(recipes[asked.size], texts.task, loaded.config, tokenizer)
    yield Line("machine", _machine(recipes, asked.size, model, scored, texts))
    with atomic_write(_new_recipe(asked.name)) as temporary:
        temporary.write_text(recipe_text(wanted, asked.size), encoding="utf-8")
    yield Line("written", str(path))
    yield Line("next", f"pocketbert build {asked.name}")


def _new_recipe(name: str) -> Path:
    try:
        TypeAdapter(FileName).validate_python(name)
    except ValidationError as error:
        raise BadInput(f"{name}: {error.errors()[0]['ctx']['error']}") from error
    path = FOLDER / f"{name}.toml"
    if exists(path):
        raise BadInput(f"{path} exists already and is never overwritten; choose another name, or remove the file")
    return path


def _task(model: Description, data: str) -> dict[str, Any]:
    """Return the keys of ``[task]``; a column that has its key's own name is written, too."""
    length = {"max_length": longest(model, _MAX_LENGTH)}
    if data.startswith("builtin:"):
        return {"kind": BUILTIN_DATA.get(data, "classification"), "dataset": data} | length
    dataset = find_dataset(data)
    columns = find_columns(dataset.train)
    task: dict[str, Any] = {"kind": columns.kind, "dataset": dataset.source, **columns.names}
    if dataset.splits:
        task["splits"] = dataset.splits
    if dataset.hold_out:
        task["hold_out"] = dict(sorted(dataset.hold_out.items(), reverse=True))
    return task | length


def _with_order(task: dict[str, Any], comments: dict[str, str], order: Order) -> tuple[dict[str, Any], dict[str, str]]:
    """Put the labels behind the columns.

    Raises:
        CheckFailed: builtin data has an order of its own, which is not the model's.
    """
    if not order.labels:
        return task, comments
    if "label" not in task:
        outputs = ", ".join(f'"{number}": "{label}"' for number, label in enumerate(order.labels))
        raise CheckFailed(
            f"{task['dataset']} has an order of its own, which is not the model's; correct id2label in the model's "
            f"config.json: {{{outputs}}}"
        )
    listed = {}
    for key, value in task.items():
        listed[key] = value
        if key == "label":
            listed["labels"] = order.labels
    return listed, comments | {"labels": "the model's outputs, 0 first"}


def _check_fits(model: Description, texts: Texts) -> None:
    """Check a fine-tuned model's head: kind, number of labels and their names, whatever their order."""
    if model.tuned:
        same = sorted(model.names) == sorted(texts.task.labels)
        labels = model.names if same else texts.task.labels
        check_head(model.config, labels, texts.task.token_level, model.where)


def _load(model: Description, texts: Texts) -> "tuple[PreTrainedModel, Tokenizer]":
    loaded, tokenizer = load(model, texts.task.labels, texts.task.token_level)
    check_positions(loaded.config, texts.task.max_length, model.where)
    return loaded, plain(tokenizer.backend_tokenizer)


class _Scored(NamedTuple):
    """The model's logits on some validation rows, their labels, what the rows are called, and how long it took."""

    timed: Timed
    gold: list[Any]
    rows: str


def _score(model: "PreTrainedModel", tokenizer: "Tokenizer", texts: Texts, progress: Progress) -> _Scored:
    """Run the model on validation rows of every label."""
    columns = texts.splits["validation"]
    chosen = sample(columns["label"])
    rows = {name: [values[row] for row in chosen] for name, values in columns.items()}
    inputs = texts.task.encode(tokenizer, rows)
    check_types(inputs.types is not None, model.config, "--model")
    try:
        timed = time_texts(model, inputs, "scoring", progress)
    except NotFinite as error:
        raise BadInput(f"--model: {error}") from error
    return _Scored(timed, rows["label"], f"{len(chosen):,} validation texts")


def _checked(wanted: Wanted, size: Size) -> Recipe:
    """Return the recipe of a size as a build would read it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"{wanted.name}.toml")
        path.write_text(recipe_text(wanted, size), encoding="utf-8")
        return load_recipe(path)


def _machine(recipes: dict[Size, Recipe], size: Size, model: Description, scored: _Scored, texts: Texts) -> str:
    import torch

    text_s, sizes = scored.timed.text_s, sizes_of(texts)
    took = {each: in_words(sum(estimate_s(recipe, model.config, text_s, sizes))) for each, recipe in recipes.items()}
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    others = "; ".join(f"--size {each} {words}" for each, words in took.items() if each != size)
    busy = "; longer while other processes take most of the cores, as now" if scored.timed.busy > _BUSY else ""
    return f"{_counted(usable_threads())}, {gpu}: {took[size]} for this recipe; {others}{busy}"


def _counted(cores: int) -> str:
    return f"{cores} core{'' if cores == 1 else 's'}"
