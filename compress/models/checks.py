"""Checks of a model before it is trained or scored: its weights, tokenizer, labels and positions."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.models.families import is_token_level, positions

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PretrainedConfig, PreTrainedModel

_HEADLESS = ("Model", "ForMaskedLM", "ForPreTraining")
"""Ends of the class names of models without a classification head."""


def check_weights(model: "PreTrainedModel", loading: dict[str, Any], where: str, new_head: bool) -> None:
    """Raise `BadInput` if weights are missing or have another shape; transformers would make them random.

    With a new head only the encoder's weights count, without the pooler, which not every checkpoint has.
    """
    lacking = [*loading["missing_keys"], *(name for name, *_ in loading["mismatched_keys"])]
    encoder = [name for name in lacking if name.startswith(f"{model.base_model_prefix}.")]
    if not new_head and len(encoder) < len(lacking):
        raise _not_fine_tuned(where)
    if wrong := [name for name in encoder if not new_head or ".pooler." not in name]:
        kind = model.config.model_type
        raise BadInput(
            f"{where} has no weights for {min(wrong)}, or their shape is another than config.json says; use a complete "
            f"checkpoint of a {kind} model"
        )


def _not_fine_tuned(where: str) -> BadInput:
    return BadInput(
        f"{where} is not fine-tuned: it has no classification head; use a fine-tuned model, or let the build train it: "
        "set teacher.epochs = 3 (0 means no training)"
    )


def check_vocabulary_fits(tokenizer: "Tokenizer", config: "PretrainedConfig", where: str) -> None:
    """Raise `BadInput` if the tokenizer has ids beyond the embedding matrix.

    Special tokens that no text contains may lie beyond it: transformers adds a ``[MASK]`` to a vocabulary without one.
    """
    added = tokenizer.get_added_tokens_decoder()
    unused = {number for number, token in added.items() if token.special} - set(tokenizer.encode("").ids)
    if (largest := max(set(tokenizer.get_vocab().values()) - unused)) >= config.vocab_size:
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


def check_head(config: "PretrainedConfig", labels: list[str], token_level: bool, where: str) -> None:
    """Raise `BadInput` unless a fine-tuned model has a head of the right kind and the data's labels in their order."""
    name = (config.architectures or [""])[0]
    if name.endswith(_HEADLESS):
        raise _not_fine_tuned(where)
    if name and is_token_level(config) != token_level:
        has, needs = ("texts", "every token") if token_level else ("every token", "texts")
        raise BadInput(f"{where} classifies {has} ({name}), the task needs a model that classifies {needs}")
    if config.num_labels != len(labels):
        raise BadInput(
            f"{where} predicts {config.num_labels} labels, the data has {len(labels)}: {', '.join(labels)}; use a "
            "model fine-tuned on these labels"
        )
    own = [config.id2label[i] for i in range(len(labels))]
    if own in (labels, [f"LABEL_{i}" for i in range(len(labels))]):
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


def _as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
