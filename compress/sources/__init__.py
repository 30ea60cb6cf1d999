"""Where teacher and data come from: ``builtin:…`` (offline), a hub id, or a local folder."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from compress.architectures import family
from compress.errors import BadInput
from compress.manifest import digest
from compress.recipe import TaskTable, TeacherTable

if TYPE_CHECKING:
    from datasets import DatasetDict
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

BUILTIN_MODELS = ("builtin:e5-small",)
BUILTIN_DATA = ("builtin:reviews",)
SPLITS = ("train", "validation", "test")
_FILE_FORMATS = {".csv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet"}


def load_teacher(
    table: TeacherTable, labels: list[str], cache: Path
) -> "tuple[PreTrainedModel, PreTrainedTokenizerFast]":
    """The model to compress with a classification head for `labels`, and its fast tokenizer.

    `cache` keeps what a builtin model is unpacked into. Weights come from safetensors, or from a `.bin` through torch's
    ``weights_only`` loader; remote code runs only where the recipe says ``trust_remote_code = true``.

    Raises:
        BadInput: an unknown builtin, an unreachable hub, or a model whose number of labels differs.
    """
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    import compress.modeling  # noqa: F401  (registers the uneven checkpoint with the Auto classes)

    source = str(_unpack(table.model, cache)) if table.model.startswith("builtin:") else table.model
    tuned = table.epochs == 0
    head = (
        {}
        if tuned
        else {"num_labels": len(labels), "id2label": dict(enumerate(labels)), "ignore_mismatched_sizes": True}
    )
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=table.trust_remote_code)
        model, loading = AutoModelForSequenceClassification.from_pretrained(
            source, trust_remote_code=table.trust_remote_code, dtype="float32", output_loading_info=True, **head
        )
    except (OSError, ValueError) as error:
        raise BadInput(f"teacher.model {table.model!r}: {first_line(error)}{_way_out(table.model)}") from error
    if model.config.num_labels != len(labels):
        raise BadInput(
            f"teacher.model {table.model!r} predicts {model.config.num_labels} labels, the data has {len(labels)}: "
            f"{', '.join(labels)}; legal with epochs = 0: a model fine-tuned on the same labels"
        )
    if tuned:
        _check_head(model.config.id2label, list(loading["missing_keys"]), labels, table.model)
    try:
        family(model.config)
    except BadInput as error:
        raise BadInput(f"teacher.model {table.model!r}: {error}") from error
    if not tokenizer.is_fast:
        raise BadInput(f"teacher.model {table.model!r} has no fast tokenizer (tokenizer.json)")
    return model.eval(), tokenizer


def _check_head(named: dict[int, str], missing: list[str], labels: list[str], source: str) -> None:
    """Refuse a "fine-tuned" model whose head is not there, or whose labels stand in another order."""
    if missing:
        raise BadInput(
            f"teacher.model {source!r} has no weights for {missing[0]}; legal with epochs = 0: a fine-tuned model"
        )
    theirs = [named[i] for i in range(len(labels))]
    if theirs != labels and theirs != [f"LABEL_{i}" for i in range(len(labels))]:
        raise BadInput(
            f"teacher.model {source!r} has the labels {theirs}, the data {labels}; legal: the same, in order"
        )


def _unpack(name: str, cache: Path) -> Path:
    from compress.sources.e5_small import SHA256, write_folder

    if name not in BUILTIN_MODELS:
        raise BadInput(f"teacher.model: unknown {name!r}; legal: {', '.join(BUILTIN_MODELS)}, a hub id, a folder")
    from compress.cache import source_digest

    # The file's digest and our own reading of it: another rule of what Chinese needs is another folder.
    folder = cache / f"e5-small-{SHA256[:8]}-{source_digest('sources/e5_small.py')[:8]}"
    if not folder.is_dir():
        temporary = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
        write_folder(temporary)
        try:
            temporary.rename(folder)
        except OSError:  # another build was faster
            shutil.rmtree(temporary)
    return folder


def load_data(task: TaskTable) -> "DatasetDict":
    """Splits train, validation and test with columns ``text`` (string) and ``label`` (`ClassLabel`).

    Raises:
        BadInput: an unknown builtin, an unreachable hub, a missing column or split, an empty split, an empty text.
    """
    from compress.sources.reviews import load_reviews

    if task.dataset.startswith("builtin:"):
        if task.dataset not in BUILTIN_DATA:
            raise BadInput(
                f"task.dataset: unknown {task.dataset!r}; legal: {', '.join(BUILTIN_DATA)}, a hub id, a folder"
            )
        return _checked(load_reviews(), task)
    return _checked(_raw_data(task.dataset), task)


def _raw_data(source: str) -> "DatasetDict":
    """`load_dataset` for a hub id, or for the files train, validation and test of a local folder."""
    from datasets import load_dataset

    path = Path(source)
    try:
        if not path.exists():
            return load_dataset(source)
        files = {split: file for file in sorted(path.glob("*")) for split in SPLITS if file.stem == split}
        formats = {_FILE_FORMATS.get(file.suffix) for file in files.values()}
        if set(files) != set(SPLITS) or len(formats) != 1 or None in formats:
            raise BadInput(
                f"task.dataset {source!r}: legal: a folder with train, validation and test as .csv, .jsonl or .parquet"
            )
        return load_dataset(formats.pop(), data_files={split: str(file) for split, file in files.items()})
    except BadInput:
        raise
    except Exception as error:  # the loaders of `datasets` share no base class
        raise BadInput(f"task.dataset {source!r}: {first_line(error)}{_way_out(source)}") from error


def _checked(raw: "DatasetDict", task: TaskTable) -> "DatasetDict":
    """`raw` with the recipe's columns named text and label, string labels mapped in sorted order."""
    from datasets import ClassLabel, DatasetDict

    for split in SPLITS:
        where = f"task.dataset {task.dataset!r}, split {split}"
        if split not in raw:
            raise BadInput(f"{where}: is missing; found: {', '.join(raw)}")
        for key, column in (("text", task.text), ("label", task.label)):
            if column not in raw[split].column_names:
                found = ", ".join(raw[split].column_names)
                raise BadInput(f"{where}: has no column {column!r} (task.{key}); found: {found}")
        if len(raw[split]) == 0:
            raise BadInput(f"{where}: is empty")
        if blank := [
            n for n, text in enumerate(raw[split][task.text]) if not isinstance(text, str) or not text.strip()
        ]:
            raise BadInput(f"{where}: row {blank[0]} has no text in column {task.text!r}")
    label = raw["train"].features[task.label]
    names = label.names if isinstance(label, ClassLabel) else _sorted_labels(raw["train"][task.label])
    out = {}
    for split in SPLITS:
        table = raw[split].select_columns([task.text, task.label])
        if not isinstance(label, ClassLabel):
            if unknown := sorted({str(v) for v in table[task.label]} - set(names)):
                raise BadInput(
                    f"task.dataset {task.dataset!r}, split {split}: label {unknown[0]!r} is not in train: {names}"
                )
            table = table.map(lambda row: {task.label: str(row[task.label])}).cast_column(
                task.label, ClassLabel(names=names)
            )
        out[split] = table.rename_columns(
            {task.text: "text", task.label: "label"} if task.text != "text" or task.label != "label" else {}
        )
    return DatasetDict(out)


def _sorted_labels(values: Iterable[object]) -> list[str]:
    """Every label once: integers by value, anything else by its text."""
    distinct = set(values)
    if all(isinstance(value, int) for value in distinct):
        return [str(value) for value in sorted(distinct, key=lambda value: int(str(value)))]
    return sorted(map(str, distinct))


def source_key(name: str) -> str:
    """What stands for a source in a cache key: the content of a local folder or file, the name of anything else."""
    path = Path(name)
    return digest(path) if not name.startswith("builtin:") and path.exists() else name


def first_line(error: BaseException) -> str:
    """An error of a library, cut down to its first line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _way_out(source: str) -> str:
    if source.startswith("builtin:") or Path(source).exists():
        return ""
    return " (neither a local folder nor to be had from the hub; offline: pocketbert build recipes/offline.toml)"
