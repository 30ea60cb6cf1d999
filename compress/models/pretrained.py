"""Loading of models and tokenizers from ``builtin:…`` (offline), a Hub id, or a local folder."""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pocketbert.compress.base.errors import BadInput, first_line, offline_hint
from pocketbert.compress.base.files import digest
from pocketbert.compress.base.paths import check_file, exists
from pocketbert.compress.models.checks import by_number, check_head, check_positions, check_vocabulary_fits
from pocketbert.compress.models.configuration import fit_padding, translated, with_a_head
from pocketbert.compress.models.e5_small import unpack
from pocketbert.compress.models.families import family, is_token_level
from pocketbert.compress.models.weights import check_weights

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

_VOCABULARY = "vocab.txt"
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", _VOCABULARY, "vocab.json")


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
        if not by_number(teacher.config, labels):
            teacher.config.update(described_labels(labels))  # instead of names such as LABEL_0
        teacher.config.problem_type = None
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
    config = read_config(source, where, trust_remote_code)
    if labels is not None:
        config.update(described_labels(labels))
    tokenizer = read_tokenizer(source, where, trust_remote_code)
    check_vocabulary_fits(tokenizer.backend_tokenizer, config, where)
    fit_padding(config, tokenizer.pad_token_id, where)
    new_head = labels is not None
    return _load(source, where, config, token_level, new_head, trust_remote_code=trust_remote_code), tokenizer


def load_classifier(folder: Path) -> "PreTrainedModel":
    """Load the classifier in a local Hugging Face folder, FP32; safetensors only, no remote code.

    Its ``architectures`` say whether it classifies texts or tokens.

    Raises:
        BadInput: the folder has another model than its `config.json` says, or weights that are not finite.
    """
    where = str(folder)
    config = read_config(where, where)
    only = {"local_files_only": True, "use_safetensors": True, "trust_remote_code": False}
    return _load(where, where, config, is_token_level(config), new_head=False, **only)


def _load(
    source: str, where: str, config: "PretrainedConfig", token_level: bool, new_head: bool, **options: Any
) -> "PreTrainedModel":
    """Load the weights, FP32, and check them.

    transformers 4 stored empty weights of a layer that had lost all its heads. Our class has no place for them.
    """
    from pocketbert.compress.models.modeling_uneven import AUTO

    options |= {"dtype": "float32", "output_loading_info": True, "ignore_mismatched_sizes": True}
    with _one_line_errors(source, where):
        model, loading = AUTO[token_level].from_pretrained(source, config=config, **options)
        if loading["unexpected_keys"] and (headed := with_a_head(config)):  # this report has shapes
            _, report = AUTO[token_level].from_pretrained(source, config=headed, **options)
            empty = {name for name, stored, _ in report["mismatched_keys"] if 0 in stored}
            loading["unexpected_keys"] = set(loading["unexpected_keys"]) - empty
    check_weights(model, loading, where, new_head)
    loaded: PreTrainedModel = model.eval()
    return loaded


def read_tokenizer(source: str, where: str, trust_remote_code: bool = False) -> "PreTrainedTokenizerFast":
    """Load the fast tokenizer of a Hub id or folder; raises like `open_pretrained`.

    For a folder without tokenizer files, the folder ``tokenizer`` beside it is used, where a build keeps them.
    """
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer

    place = _tokenizer_of(source)
    config = read_config(source, where, trust_remote_code) if place == source else None
    with _readable(place, where) as readable, _one_line_errors(source, where):
        tokenizer = AutoTokenizer.from_pretrained(readable, config=config, trust_remote_code=trust_remote_code)
        only_special = len(tokenizer) <= len(tokenizer.all_special_ids)
    if not tokenizer.is_fast:
        raise BadInput(f"{where} has no fast tokenizer; put a tokenizer.json beside the model")
    if only_special:  # transformers makes one up without a vocabulary
        raise BadInput(f"{where} has no vocabulary; put tokenizer.json or vocab.txt beside the model")
    if (file := _tokenizer_json(place)) and (own := Tokenizer.from_file(file).pre_tokenizer):
        # A class such as XLMRobertaTokenizer makes another one, which puts a blank before each word of a tagger.
        tokenizer.backend_tokenizer.pre_tokenizer = own
    return tokenizer


def _tokenizer_json(place: str) -> str | None:
    """Return the path of the tokenizer.json of a Hub id or folder; None if it has none."""
    from transformers.utils import cached_file

    quietly = {"_raise_exceptions_for_missing_entries": False, "_raise_exceptions_for_connection_errors": False}
    found: str | None = cached_file(place, "tokenizer.json", **quietly)
    return found


@contextmanager
def _readable(place: str, where: str) -> Iterator[str]:
    """Yield `place`, or a copy of its tokenizer whose vocab.txt has neither a byte order mark nor empty last lines.

    Raises:
        BadInput: its vocab.txt is not UTF-8 text.
    """
    file = Path(place, _VOCABULARY)
    if not file.is_file() or file.with_name("tokenizer.json").exists():
        yield place
        return
    content = file.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{where}: its vocab.txt is not UTF-8 text; save it as UTF-8") from error
    cleaned = (text.rstrip("\r\n") + "\n").encode()
    if content in (cleaned, cleaned.rstrip(b"\n")):
        yield place
        return
    with TemporaryDirectory() as folder:
        for described in file.parent.glob("*.json"):
            shutil.copy(described, folder)
        Path(folder, _VOCABULARY).write_bytes(cleaned)
        yield folder


def repeated_tokens(source: str) -> str | None:
    """Return a remark if the vocabulary of a local folder lists tokens twice: of each the last id counts."""
    folder = Path(_tokenizer_of(source))
    file, text_file = folder / "tokenizer.json", folder / _VOCABULARY
    if file.is_file():
        names = _listed_tokens(json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=_Pairs))
    elif text_file.is_file():
        file, names = text_file, text_file.read_text(encoding="utf-8-sig").splitlines()
    else:
        return None
    twice = [name for name, count in Counter(filter(None, names)).items() if count > 1]
    if not twice:
        return None
    return f"{file.name} lists {len(twice):,} tokens twice, such as {twice[0]!r}; texts get the id of the last one"


_PROBE = "A\u00e9\uff21\u3000\u7e41"
"""A capital letter, one with an accent, a wide one, a wide blank and an ideograph."""


def other_normalizer(source: str, tokenizer: "PreTrainedTokenizerFast") -> str | None:
    """Return a remark if the tokenizer.json of a Hub id or folder normalizes texts otherwise than `tokenizer`.

    transformers follows tokenizer_config.json, and without one it lower-cases.
    """
    from tokenizers import Tokenizer

    if source.startswith("builtin:") or (file := _tokenizer_json(_tokenizer_of(source))) is None:
        return None
    loaded: Tokenizer = tokenizer.backend_tokenizer
    own, read = (
        each.normalizer.normalize_str(_PROBE) if each.normalizer else _PROBE
        for each in (Tokenizer.from_file(file), loaded)
    )
    if own == read:
        return None
    return (
        f"tokenizer.json makes {own!r} of {_PROBE!r}, transformers with tokenizer_config.json makes {read!r}, which is "
        "followed here; if that is wrong, correct do_lower_case in tokenizer_config.json"
    )


class _Pairs(dict[str, Any]):
    """A JSON object that remembers every key that is written in it, also those written twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.written = [key for key, _ in pairs]


def _listed_tokens(described: dict[str, Any]) -> list[str]:
    """Return the tokens of a tokenizer.json as written: a mapping, or for a unigram model a list of pairs."""
    vocabulary = described["model"].get("vocab", [])
    return vocabulary.written if isinstance(vocabulary, _Pairs) else [token for token, _ in vocabulary]


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

    import pocketbert.compress.models.modeling_static
    import pocketbert.compress.models.modeling_uneven  # noqa: F401  (the same)

    if Path(source, "adapter_config.json").is_file():
        raise BadInput(
            f"{where} has an adapter beside its weights (adapter_config.json), which would be ignored; merge it into "
            "the weights (merge_and_unload in peft) and save the result, or remove that file"
        )
    with _one_line_errors(source, where):
        for file in Path(source).glob("*"):
            check_file(file)
        raw, _ = PreTrainedConfig.get_config_dict(source)
        if "model_type" not in raw and "type_vocab_size" in raw:
            config = BertConfig.from_pretrained(source)
        else:
            config = AutoConfig.from_pretrained(source, trust_remote_code=trust_remote_code)
    return translated(config, where)


@contextmanager
def _one_line_errors(source: str, where: str) -> Iterator[None]:
    """Turn any loading error into a one-line `BadInput` with a hint."""
    try:
        yield
    except Exception as error:  # loaders, unpicklers and Hub clients share no base class
        raise BadInput(f"{where}: cannot be opened: {first_line(error)}{offline_hint(source)}") from error


def described_labels(labels: list[str]) -> dict[str, Any]:
    """Return the entries of a configuration for these labels."""
    return {
        "num_labels": len(labels),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: number for number, label in enumerate(labels)},
        "problem_type": None,
    }


def source_key(name: str) -> str:
    """Return the cache key of a source: the digest of a local folder or file, else the name itself.

    Raises:
        BadInput: a folder without a model, or a path that cannot be read.
    """
    path = Path(name)
    if name.startswith("builtin:") or not exists(path):
        return name
    if path.is_dir() and not (path / "config.json").is_file():  # such as "/", which would be read for hours
        raise BadInput(f"model {name!r}: the folder has no config.json; use the folder of a model")
    tokenizer = _tokenizer_of(name)
    return digest(path) if tokenizer == name else f"{digest(path)} {digest(Path(tokenizer))}"
