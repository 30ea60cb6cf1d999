"""What a model has to be before it is trained or scored: whole, and fit for its tokenizer, the labels and texts."""

from typing import TYPE_CHECKING, Any

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.models.families import is_token_level, positions

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PretrainedConfig, PreTrainedModel


def check_weights(model: "PreTrainedModel", loading: dict[str, Any], where: str, new_head: bool) -> None:
    """transformers fills with random numbers what a checkpoint does not have, or has in another shape: that is right
    for a new head, and for a pooler, which not every encoder comes with.
    """
    lacking = [*loading["missing_keys"], *(name for name, *_ in loading["mismatched_keys"])]
    encoder = f"{model.base_model_prefix}."
    wrong = [name for name in lacking if not new_head or (name.startswith(encoder) and ".pooler." not in name)]
    if wrong:
        legal = f"a checkpoint of a {model.config.model_type} model" if new_head else "a fine-tuned model"
        raise BadInput(f"{where} has no weights for {min(wrong)}, or of another shape; legal: {legal}")


def check_vocabulary_fits(tokenizer: "Tokenizer", config: "PretrainedConfig", where: str) -> None:
    """Raise `BadInput` for a tokenizer with ids that the embedding table has no row for.

    Special ones that no text is given may lack one: transformers adds a ``[MASK]`` where the vocabulary has none.
    """
    added = tokenizer.get_added_tokens_decoder()
    unused = {number for number, token in added.items() if token.special} - set(tokenizer.encode("").ids)
    if (largest := max(set(tokenizer.get_vocab().values()) - unused)) >= config.vocab_size:
        raise BadInput(
            f"{where}: its tokenizer goes up to id {largest}, its table has {config.vocab_size:,} rows; legal: the "
            "tokenizer that the model was trained with"
        )


def check_types(has_types: bool, config: "PretrainedConfig", where: str) -> None:
    """Raise `BadInput` where inputs have token types (`has_types`) and the model has one type alone."""
    if has_types and config.type_vocab_size < 2:
        raise BadInput(
            f"{where} has one token type, its tokenizer gives pairs two; legal: a model with two, or a tokenizer that "
            "tells the texts apart by separators alone"
        )


def check_positions(config: "PretrainedConfig", max_length: int, where: str) -> None:
    """Raise `BadInput` if texts of `max_length` tokens are longer than the model's position table."""
    if max_length > (longest := positions(config)):
        raise BadInput(f"{where} has {longest} positions, task.max_length is {max_length}; legal: up to {longest}")


def check_head(config: "PretrainedConfig", labels: list[str], token_level: bool, where: str) -> None:
    """Refuse a "fine-tuned" model whose head is of the other kind, or has other labels or another order of them."""
    kind = "token" if token_level else "sequence"
    if config.architectures and is_token_level(config) != token_level:
        raise BadInput(f"{where} is a {config.architectures[0]}; legal: a {kind} classifier, fine-tuned")
    if config.num_labels != len(labels):
        raise BadInput(
            f"{where} predicts {config.num_labels} labels, the data has {len(labels)}: {', '.join(labels)}; legal: a "
            "model fine-tuned on the same labels"
        )
    theirs = [config.id2label[i] for i in range(len(labels))]
    if theirs != labels and theirs != [f"LABEL_{i}" for i in range(len(labels))]:
        raise BadInput(
            f"{where} has the labels {theirs}, the data {labels}; legal: the same, in order (the "
            "recipe's task.labels sets the data's)"
        )
