"""Where teacher and data come from: ``builtin:…`` (offline), a hub id, or a local folder."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress.architectures import family
from compress.errors import BadInput
from compress.manifest import digest
from compress.recipe import TeacherTable
from compress.sources.checks import check_head, check_positions, check_tokens, check_weights
from compress.sources.data import Data, load_data
from compress.sources.hub import first_line, way_out

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

__all__ = ["Data", "load_data", "load_teacher", "source_key"]

BUILTIN_MODELS = ("builtin:e5-small",)
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json")


def load_teacher(
    table: TeacherTable, labels: list[str], cache: Path, token_level: bool = False, max_length: int = 0
) -> "tuple[PreTrainedModel, PreTrainedTokenizerFast]":
    """The model to compress with a head for `labels`, of texts or of every token, and its fast tokenizer.

    `cache` keeps what a builtin model is unpacked into. Weights come from safetensors, or from a `.bin` through torch's
    ``weights_only`` loader; remote code runs only where the recipe says ``trust_remote_code = true``.

    Raises:
        BadInput: an unknown builtin, an unreachable hub, fewer positions than `max_length`, a family that cannot be
            compressed, or, where it is not to be fine-tuned, another head or other labels.
    """
    source = str(_unpack(table.model, cache)) if table.model.startswith("builtin:") else table.model
    where, tuned = f"teacher.model {table.model!r}", table.epochs == 0
    if tuned:
        check_head(read_config(source, where, table.trust_remote_code), labels, token_level, where)
    head = None if tuned else labels
    model, tokenizer = open_pretrained(source, where, head, token_level, table.trust_remote_code)
    if tuned:
        model.config.update(described_labels(labels))  # LABEL_0 and so on are names that say nothing
    try:
        family(model.config)
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from error
    check_positions(model.config, max_length, where)
    return model, tokenizer


def open_pretrained(
    source: str, where: str, labels: list[str] | None, token_level: bool, trust_remote_code: bool = False
) -> "tuple[PreTrainedModel, PreTrainedTokenizerFast]":
    """A hub id or folder as a classifier of texts or tokens, and its fast tokenizer.

    Args:
        where: what a complaint begins with.
        labels: those of a new head; None leaves the head as it is.

    Raises:
        BadInput: neither a folder nor to be had from the hub, without a fast tokenizer, with more tokens than rows in
            its table, or without weights that are not those of a new head.
    """
    from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

    import compress.modeling  # noqa: F401  (registers the uneven checkpoint with the Auto classes)

    config = read_config(source, where, trust_remote_code)
    if labels is not None:
        config.update(described_labels(labels))
    tokenizer = read_tokenizer(source, where, trust_remote_code)
    auto = AutoModelForTokenClassification if token_level else AutoModelForSequenceClassification
    with _at_hand(source, where):
        model, loading = auto.from_pretrained(
            source,
            config=config,
            trust_remote_code=trust_remote_code,
            dtype="float32",
            output_loading_info=True,
            ignore_mismatched_sizes=labels is not None,
        )
    check_weights(model, loading, where, new_head=labels is not None)
    check_tokens(tokenizer.backend_tokenizer, model.config, where)
    return model.eval(), tokenizer


def read_tokenizer(source: str, where: str, trust_remote_code: bool = False) -> "PreTrainedTokenizerFast":
    """The fast tokenizer of a hub id or folder; raises as `open_pretrained`.

    Of a folder without one it is that of the folder ``tokenizer`` beside it, where a build keeps it.
    """
    from transformers import AutoTokenizer

    place = _tokenizer_of(source)
    config = read_config(source, where, trust_remote_code) if place == source else None
    with _at_hand(source, where):
        tokenizer = AutoTokenizer.from_pretrained(place, config=config, trust_remote_code=trust_remote_code)
    if not tokenizer.is_fast:
        raise BadInput(f"{where} has no fast tokenizer (tokenizer.json)")
    if len(tokenizer) <= len(tokenizer.all_special_ids):  # what transformers makes up where there is no vocabulary
        raise BadInput(f"{where} has no vocabulary; legal: a tokenizer.json or vocab.txt beside the model")
    return tokenizer


def _tokenizer_of(source: str) -> str:
    folder, beside = Path(source), Path(source).resolve().parent / "tokenizer"
    bare = folder.is_dir() and not has_tokenizer(folder)
    return str(beside) if bare and beside.is_dir() else source


def has_tokenizer(folder: Path) -> bool:
    """Whether one lies there, in any form."""
    return any((folder / name).exists() for name in _TOKENIZER_FILES)


def read_config(source: str, where: str, trust_remote_code: bool = False) -> "PretrainedConfig":
    """The configuration of a hub id or folder; raises as `open_pretrained`.

    One that names no model type, as Google published BERT and Huawei its TinyBERT, is BERT's if it counts token types.
    """
    from transformers import AutoConfig, BertConfig, PreTrainedConfig

    import compress.modeling  # noqa: F401  (as above)

    with _at_hand(source, where):
        said, _ = PreTrainedConfig.get_config_dict(source)
        if "model_type" not in said and "type_vocab_size" in said:
            return BertConfig.from_pretrained(source)
        return AutoConfig.from_pretrained(source, trust_remote_code=trust_remote_code)


@contextmanager
def _at_hand(source: str, where: str) -> Iterator[None]:
    """What transformers says of a source that it cannot load becomes one line with the way out."""
    try:
        yield
    except Exception as error:  # loaders, unpicklers and the hub's clients share no base class
        raise BadInput(f"{where}: {first_line(error)}{way_out(source)}") from error


def described_labels(labels: list[str]) -> dict[str, Any]:
    """What a configuration says about them."""
    return {
        "num_labels": len(labels),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: number for number, label in enumerate(labels)},
    }


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
    if name.startswith("builtin:") or not path.exists():
        return name
    tokenizer = _tokenizer_of(name)
    return digest(path) if tokenizer == name else f"{digest(path)} {digest(Path(tokenizer))}"
