"""Where teacher and data come from: ``builtin:…`` (offline), a hub id, or a local folder."""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from compress.architectures import family
from compress.errors import BadInput
from compress.manifest import digest
from compress.recipe import TeacherTable
from compress.sources.data import Data, load_data
from compress.sources.hub import first_line
from compress.sources.hub import way_out as _way_out

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

__all__ = ["Data", "load_data", "load_teacher", "source_key"]

BUILTIN_MODELS = ("builtin:e5-small",)


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


def source_key(name: str) -> str:
    """What stands for a source in a cache key: the content of a local folder or file, the name of anything else."""
    path = Path(name)
    return digest(path) if not name.startswith("builtin:") and path.exists() else name
