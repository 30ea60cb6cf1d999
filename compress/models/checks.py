"""Checks of a model before it is trained or scored: its tokenizer, labels and positions."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.models.families import is_token_level, positions
from pocketbert.compress.models.weights import not_fine_tuned

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PretrainedConfig

_NO_CLASSES = {"multi_label_classification": "any number of labels at once", "regression": "a number"}
"""Problem types of transformers in which the largest logit decides nothing -> what the head predicts."""
_HEADLESS = ("Model", "ForMaskedLM", "ForPreTraining")
"""Ends of the class names of models without a classification head."""


def check_vocabulary_fits(tokenizer: "Tokenizer", config: "PretrainedConfig", where: str) -> None:
    """Raise `BadInput` if the tokenizer has ids beyond the embedding matrix.

    Tokens that no text contains may lie beyond it: transformers adds a ``[MASK]`` to a vocabulary without one, and an
    empty line in vocab.txt is an empty token.
    """
    added = tokenizer.get_added_tokens_decoder()
    unused = {number for number, token in added.items() if token.special} - set(tokenizer.encode("").ids)
    reachable = {number for token, number in tokenizer.get_vocab().items() if token and number not in unused}
    if (largest := max(reachable)) >= config.vocab_size:
        raise BadInput(
            f"{where}: its tokenizer has ids up to {largest}, its embedding matrix has {config.vocab_size:,} rows; use "
            "the tokenizer that the model was trained with"
        )


def check_types(has_types: bool, config: "PretrainedConfig", where: str) -> None:
    """Raise `BadInput` if the inputs have token types (`has_types`) and the model has only one type."""
    if has_types and config.type_vocab_size < 2:
        raise BadInput(
            f"{where} has one token type, its tokenizer gives pairs two; use a model with two token types, or a "
            "tokenizer that marks the texts of a pair by separator tokens alone"
        )


def check_positions(config: "PretrainedConfig", max_length: int, where: str) -> None:
    """Raise `BadInput` if `max_length` is more than the model's positions."""
    if max_length > (longest := positions(config)):
        raise BadInput(f"{where} has {longest} positions, task.max_length is {max_length}; allowed: up to {longest}")


def check_lengths(config: "PretrainedConfig", lengths: Sequence[int], where: str) -> None:
    """Raise `BadInput` if a file is wanted for texts of `lengths` of which one is more than the model's positions."""
    if max(lengths, default=0) > (longest := positions(config)):
        raise BadInput(f"{where}: lengths = {list(lengths)}: the model has {longest} positions; shorten the last one")


def check_head(config: "PretrainedConfig", labels: list[str], token_level: bool, where: str) -> None:
    """Raise `BadInput` unless a fine-tuned model has a head of the right kind and the data's labels in their order."""
    name = (config.architectures or [""])[0]
    if name.endswith(_HEADLESS):
        raise not_fine_tuned(where)
    if name and is_token_level(config) != token_level:
        has, needs = ("texts", "every token") if token_level else ("every token", "texts")
        raise BadInput(f"{where} classifies {has} ({name}), the task needs a model that classifies {needs}")
    check_problem(config, where)
    if config.num_labels != len(labels):
        raise BadInput(
            f"{where} predicts {config.num_labels} labels, the data has {len(labels)}: {', '.join(labels)}; use a "
            "model fine-tuned on these labels"
        )
    own = _names(config)
    if own in (labels, [f"LABEL_{i}" for i in range(len(labels))]) or by_number(config, labels):
        return
    differ = f"{where}: the model's labels are {', '.join(own)}, the data's {', '.join(labels)}"
    if sorted(own) == sorted(labels):
        raise BadInput(f"{differ}; their order differs, so add labels = {_as_json(own)} to [task]")
    folder, mapping = Path(config.name_or_path), {str(i): label for i, label in enumerate(labels)}
    file = folder / "config.json" if folder.is_dir() and config.name_or_path else "the model's config.json"
    raise BadInput(
        f"{differ}; rename one side: the labels in the data, or id2label in {file}, which is {_as_json(mapping)} if "
        f"{own[0]} means {labels[0]} and so on"
    )


def by_number(config: "PretrainedConfig", labels: list[str]) -> str | None:
    """Return a remark if the data's labels are the numbers 0…n-1 and the model has names for them, else None."""
    own, numbers = _names(config), {str(number) for number in range(len(labels))}
    if set(labels) != numbers or set(own) == numbers or len(own) != len(labels):
        return None
    if own == [f"LABEL_{number}" for number in range(len(labels))]:
        return None
    said = ", ".join(f"{label} is {name}" for label, name in zip(labels, own, strict=True))
    return f"the labels of the data are taken as the model's own numbers: {said}"


def check_problem(config: "PretrainedConfig", where: str) -> None:
    """Raise `BadInput` if the head predicts a number, or any number of labels at once."""
    if (kind := config.problem_type) not in (None, "single_label_classification"):
        what = _NO_CLASSES.get(str(kind), "something that is not known")
        raise BadInput(
            f"{where}: problem_type in config.json is {kind}: its head predicts {what}; expected: one of "
            'several labels. Use another model, or set problem_type to "single_label_classification" in config.json if '
            "the head was trained with one label per text"
        )


def _names(config: "PretrainedConfig") -> list[str]:
    return [str(config.id2label.get(number, number)) for number in range(config.num_labels)]


def _as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
