"""Loading of models and tokenizers from ``builtin:…`` (offline), a Hub id, or a local folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocketbert.compress.base.errors import BadInput, first_line, offline_hint
from pocketbert.compress.base.files import digest
from pocketbert.compress.models.checks import check_head, check_positions, check_vocabulary_fits, check_weights
from pocketbert.compress.models.e5_small import unpack
from pocketbert.compress.models.families import family

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json")


def load_teacher(
    model: str,
    labels: list[str],
    cache: Path,
    *,
    token_level: bool = False,
    max_length: int = 0,
    tuned: bool = False,
    trust_remote_code: bool = False,
) -> "tuple[PreTrainedModel, PreTrainedTokenizerFast]":
    """Load the model to compress with a head for `labels`, of texts or of every token, and its fast tokenizer.

    Weights come from safetensors, or from a `.bin` through torch's ``weights_only`` loader; remote code runs only with
    `trust_remote_code`.

    Args:
        cache: folder for unpacked builtin models.
        tuned: the model is fine-tuned already; its own head is kept and checked.

    Raises:
        BadInput: an unknown builtin model, an unreachable Hub, fewer positions than `max_length`, a family that cannot
            be compressed, or, with `tuned`, another head or other labels.
    """
    source = str(unpack(model, cache)) if model.startswith("builtin:") else model
    where = f"teacher.model {model!r}"
    if tuned:
        check_head(read_config(source, where, trust_remote_code), labels, token_level, where)
    head = None if tuned else labels
    teacher, tokenizer = open_pretrained(source, where, head, token_level, trust_remote_code)
    if tuned:
        teacher.config.update(described_labels(labels))  # instead of names such as LABEL_0
    try:
        family(teacher.config)
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from error
    check_positions(teacher.config, max_length, where)
    return teacher, tokenizer


def open_pretrained(
    source: str, where: str, labels: list[str] | None, token_level: bool, trust_remote_code: bool = False
) -> "tuple[PreTrainedModel, PreTrainedTokenizerFast]":
    """Load a Hub id or folder as a classifier of texts or tokens, and its fast tokenizer.

    Args:
        where: the beginning of error messages.
        labels: labels of a new head; None keeps the model's head.

    Raises:
        BadInput: neither a folder nor available from the Hub, without a fast tokenizer, with more tokens than the
            embedding matrix has rows, or with missing weights other than those of a new head.
    """
    from pocketbert.compress.models.modeling_uneven import AUTO

    config = read_config(source, where, trust_remote_code)
    if labels is not None:
        config.update(described_labels(labels))
    tokenizer = read_tokenizer(source, where, trust_remote_code)
    with _one_line_errors(source, where):
        model, loading = AUTO[token_level].from_pretrained(
            source,
            config=config,
            trust_remote_code=trust_remote_code,
            dtype="float32",
            output_loading_info=True,
            ignore_mismatched_sizes=labels is not None,
        )
    check_weights(model, loading, where, new_head=labels is not None)
    check_vocabulary_fits(tokenizer.backend_tokenizer, model.config, where)
    return model.eval(), tokenizer


def read_tokenizer(source: str, where: str, trust_remote_code: bool = False) -> "PreTrainedTokenizerFast":
    """Load the fast tokenizer of a Hub id or folder; raises like `open_pretrained`.

    For a folder without tokenizer files, the folder ``tokenizer`` beside it is used, where a build keeps them.
    """
    from transformers import AutoTokenizer

    place = _tokenizer_of(source)
    config = read_config(source, where, trust_remote_code) if place == source else None
    with _one_line_errors(source, where):
        tokenizer = AutoTokenizer.from_pretrained(place, config=config, trust_remote_code=trust_remote_code)
    if not tokenizer.is_fast:
        raise BadInput(f"{where} has no fast tokenizer; put a tokenizer.json beside the model")
    if len(tokenizer) <= len(tokenizer.all_special_ids):  # transformers makes one up without a vocabulary
        raise BadInput(f"{where} has no vocabulary; put tokenizer.json or vocab.txt beside the model")
    return tokenizer


def _tokenizer_of(source: str) -> str:
    folder, beside = Path(source), Path(source).resolve().parent / "tokenizer"
    bare = folder.is_dir() and not has_tokenizer(folder)
    return str(beside) if bare and beside.is_dir() else source


def has_tokenizer(folder: Path) -> bool:
    """Return whether the folder has tokenizer files of any kind."""
    return any((folder / name).exists() for name in _TOKENIZER_FILES)


def read_config(source: str, where: str, trust_remote_code: bool = False) -> "PretrainedConfig":
    """Load the configuration of a Hub id or folder; raises like `open_pretrained`.

    A configuration with token types but no model type is BERT's: Google's BERT and Huawei's TinyBERT lack the type.
    """
    from transformers import AutoConfig, BertConfig, PreTrainedConfig

    import pocketbert.compress.models.modeling_uneven  # noqa: F401  (registers its configurations with AutoConfig)

    with _one_line_errors(source, where):
        raw, _ = PreTrainedConfig.get_config_dict(source)
        if "model_type" not in raw and "type_vocab_size" in raw:
            return BertConfig.from_pretrained(source)
        return AutoConfig.from_pretrained(source, trust_remote_code=trust_remote_code)


@contextmanager
def _one_line_errors(source: str, where: str) -> Iterator[None]:
    """Turn any loading error into a one-line `BadInput` with a hint."""
    try:
        yield
    except Exception as error:  # loaders, unpicklers and Hub clients share no base class
        raise BadInput(f"{where}: {first_line(error)}{offline_hint(source)}") from error


def described_labels(labels: list[str]) -> dict[str, Any]:
    """Return the entries of a configuration for these labels."""
    return {
        "num_labels": len(labels),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: number for number, label in enumerate(labels)},
    }


def source_key(name: str) -> str:
    """Return the cache key of a source: the digest of a local folder or file, else the name itself."""
    path = Path(name)
    if name.startswith("builtin:") or not path.exists():
        return name
    tokenizer = _tokenizer_of(name)
    return digest(path) if tokenizer == name else f"{digest(path)} {digest(Path(tokenizer))}"
