"""The model that a user names: what it is, and whether it is fine-tuned."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.models.e5_small import unpack
from pocketbert.compress.models.families import family, positions
from pocketbert.compress.models.pretrained import open_pretrained, read_config
from pocketbert.compress.pipeline.cache import SOURCES

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

_HEADS = ("ForSequenceClassification", "ForTokenClassification")


class Description(NamedTuple):
    """A model before its weights are loaded. `names` are those of its outputs, none if it is not fine-tuned."""

    given: str
    source: str
    config: "PretrainedConfig"
    names: list[str]

    @property
    def where(self) -> str:
        """The beginning of an error message."""
        return f"--model {self.given}"

    @property
    def tuned(self) -> bool:
        """Whether the model has a classification head."""
        return bool(self.names)

    @property
    def generic(self) -> bool:
        """Whether the outputs are called LABEL_0, LABEL_1, …: their names say nothing about their meaning."""
        return self.names == [f"LABEL_{number}" for number in range(len(self.names))]

    def line(self) -> str:
        """Describe the model in one line."""
        config = self.config
        classes = f"{len(self.names)} classes ({_some(self.names)})" if self.tuned else "no classification head"
        return (
            f"{(config.architectures or [config.model_type])[0]}, {config.num_hidden_layers} layers, "
            f"{config.hidden_size} hidden, {config.vocab_size:,} tokens, {classes}"
        )


def describe(given: str, artifacts: Path) -> Description:
    """Read the configuration of a folder, a hub id or a builtin model.

    Args:
        artifacts: folder that builtin models are unpacked below.

    Raises:
        BadInput: there is no such model, or it cannot be compressed.
    """
    source = str(unpack(given, artifacts / SOURCES)) if given.startswith("builtin:") else given
    where = f"--model {given}"
    config = read_config(source, where)
    try:
        family(config)
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from error
    tuned = (config.architectures or [""])[0].endswith(_HEADS)
    names = [str(config.id2label.get(number, number)) for number in range(config.num_labels)]
    return Description(given, source, config, names if tuned else [])


def load(
    described: Description, labels: list[str], token_level: bool
) -> "tuple[PreTrainedModel, PreTrainedTokenizerFast]":
    """Load the weights; a model that is not fine-tuned gets a random head for `labels`.

    Raises:
        BadInput: the weights are incomplete, or there is no fast tokenizer.
    """
    return open_pretrained(described.source, described.where, None if described.tuned else labels, token_level)


def longest(described: Description, wanted: int) -> int:
    """Return the largest `task.max_length` up to `wanted` that the model has positions for."""
    return min(wanted, positions(described.config))


def prunable(tokenizer: "Tokenizer") -> bool:
    """Return whether tokens of the vocabulary can be removed: a byte-pair encoding's depend on one another."""
    from pocketbert.compress.pruning.vocabulary import pieces_of

    try:
        pieces_of(tokenizer)
    except BadInput:
        return False
    return True


def _some(names: list[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
