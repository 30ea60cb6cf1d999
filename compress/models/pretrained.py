"""Opens a model and its tokenizer: ``builtin:…`` (offline), a hub id, or a local folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocketbert.compress.base.errors import BadInput, first_line, way_out
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

    Weights come from safetensors, or from a `.bin` through torch's
    ``weights_only`` loader; remote code runs only with `trust_remote_code`.

    Args:
        cache: folder that keeps what a builtin model is unpacked into.
        tuned: the model is fine-tuned already; its own head is kept and checked.

    Raises:
        BadInput: an unknown builtin, an unreachable hub, fewer positions than `max_length`, a family that cannot be
            compressed, or, where it is not to be fine-tuned, another head or other labels.
    """
    source = str(unpack(model, cache)) if model.startswith("builtin:") else model
    where = f"teacher.model {model!r}"
    if tuned:
        check_head(read_config(source, where, trust_remote_code), labels, token_level, where)
    head = None if tuned else labels
    teacher, tokenizer = open_pretrained(source, where, head, token_level, trust_remote_code)
    if tuned:
        teacher.config.update(described_labels(labels))  # names such as LABEL_0 say nothing
    try:
        family(teacher.config)
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from error
    check_positions(teacher.config, max_length, where)
    return teacher, tokenizer


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

    import pocketbert.compress.models.modeling_uneven  # noqa: F401  (registers the uneven checkpoint with the Auto classes)

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
    check_vocabulary_fits(tokenizer.backend_tokenizer, model.config, where)
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

    import pocketbert.compress.models.modeling_uneven  # noqa: F401  (as above)

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


def source_key(name: str) -> str:
    """What stands for a source in a cache key: the content of a local folder or file, the name of anything else."""
    path = Path(name)
    if name.startswith("builtin:") or not path.exists():
        return name
    tokenizer = _tokenizer_of(name)
    return digest(path) if tokenizer == name else f"{digest(path)} {digest(Path(tokenizer))}"
