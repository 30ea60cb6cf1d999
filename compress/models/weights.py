"""Checks of a checkpoint's weights: all of them are there, are used, and are finite numbers."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pocketbert.compress.base.errors import BadInput

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

_HARMLESS = re.compile(r"(^|\.)(position_ids|num_batches_tracked)$")
"""Buffers that earlier versions of torch and transformers stored."""
_PRETRAINING = ("cls.", "lm_head.", "discriminator_predictions.", "generator_", "fit_denses.")
"""Heads of pretraining (``fit_denses``: TinyBERT's distillation), which no classifier reads."""
_REPLACED = ("classifier.", "qa_outputs.")
"""Heads of fine-tuning, which a new head replaces."""
_KINDS = (
    (r"distance_embedding", "relative positions", "use a model with absolute positions"),
    (r"lora_", "LoRA", "merge them into the base weights (merge_and_unload in peft)"),
    (r"adapter", "adapters", "use a model without adapters"),
    (r"(^|\.)crf|transitions", "a CRF", "use a model without a CRF: here the largest logit of a token decides"),
    (r"task_type_embeddings", "ERNIE's task types", 'set model_type to "ernie" in config.json'),
)
"""What the name of a weight contains, what it is, and the way out."""


def check_weights(model: "PreTrainedModel", loading: dict[str, Any], where: str, new_head: bool) -> None:
    """Check transformers' report of a load, and the loaded numbers.

    With a new head the old head's weights do not count, nor a missing pooler, which not every checkpoint has.

    Raises:
        BadInput: weights are missing or have another shape (transformers would make them random), would be ignored
            although they change what the model computes, or are NaN or infinite.
    """
    ignored = sorted(name for name in loading["unexpected_keys"] if not _may_be_ignored(name, model, new_head))
    known = [name for name in ignored if _kind(name, model.config)]
    if known:
        raise _ignored(where, model.config, known[0], len(ignored))
    prefix, misshapen = f"{model.base_model_prefix}.", [name for name, *_ in loading["mismatched_keys"]]
    if not new_head and not all(name.startswith(prefix) for name in loading["missing_keys"]):
        raise not_fine_tuned(where)
    lacking = [*loading["missing_keys"], *misshapen]
    needed = [name for name in lacking if name.startswith(prefix) and ".pooler." not in name] if new_head else lacking
    if needed:
        kind = str(model.config.model_type).removeprefix("uneven_")
        raise BadInput(
            f"{where} has no weights for {min(needed)}, or their shape is another than config.json says; use a "
            f"complete checkpoint of a {kind} model"
        )
    if ignored:
        raise _ignored(where, model.config, ignored[0], len(ignored))
    _check_finite(model, where, set(lacking))


def not_fine_tuned(where: str) -> BadInput:
    """Return the refusal of a model without a classification head."""
    return BadInput(
        f"{where} is not fine-tuned: it has no classification head; use a fine-tuned model, or let the build train it: "
        "set teacher.epochs = 3 (0 means no training)"
    )


def _may_be_ignored(name: str, model: "PreTrainedModel", new_head: bool) -> bool:
    inner = name.removeprefix(f"{model.base_model_prefix}.")
    if inner.startswith("pooler.") and getattr(model.base_model, "pooler", None) is None:
        return True  # taggers have none
    heads: Sequence[str] = (*_PRETRAINING, *_REPLACED) if new_head else _PRETRAINING
    return name.startswith(tuple(heads)) or bool(_HARMLESS.search(name))


def _kind(name: str, config: "PretrainedConfig") -> tuple[str, str] | None:
    """Return what a weight that the class does not take is, and the way out; None if it is of no known kind."""
    for pattern, what, way_out in _KINDS:
        if re.search(pattern, name):
            return what, way_out
    layer = re.search(r"encoder\.layer\.(\d+)\.", name)
    if layer and int(layer[1]) >= config.num_hidden_layers:
        count = config.num_hidden_layers
        return f"a layer more than the {count} in config.json", "correct num_hidden_layers, or remove these weights"
    return None


def _ignored(where: str, config: "PretrainedConfig", name: str, count: int) -> BadInput:
    kind = str(config.model_type).removeprefix("uneven_")
    what, way_out = _kind(name, config) or ("a second head, or a part that was added", f"use a plain {kind} classifier")
    return BadInput(
        f"{where}: a {kind} classifier has no place for {count} of its weights, such as {name} ({what}), and would "
        f"compute something else without them; {way_out}"
    )


def _check_finite(model: "PreTrainedModel", where: str, fresh: set[str]) -> None:
    """Raise `BadInput` if a loaded weight is NaN or infinite; `fresh` names those that were not loaded."""
    import torch

    for name, weights in model.state_dict().items():
        if name in fresh or not weights.is_floating_point() or not weights.numel():
            continue
        if not torch.stack(weights.aminmax()).isfinite().all():  # without a copy: peak memory is measured
            wrong = int((~weights.isfinite()).sum())
            raise BadInput(
                f"{where}: {wrong:,} of the {weights.numel():,} numbers in {name} are NaN or infinite; use a "
                "checkpoint from before its training diverged"
            )
