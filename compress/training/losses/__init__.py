"""Losses of distillation: one pure function per file, with the name that its paper gives it.

An alignment loss is one file here and its line in `LOSSES`. The function has the name of its file and returns a scalar;
padding never counts. Its arguments depend on the feature:

| feature | arguments |
| --- | --- |
| ``embedding``, ``hidden`` | the student's and the teacher's vectors, mask |
| ``attention`` | the student's queries and keys, the teacher's queries and keys, mask, heads |
| ``relation`` | queries, keys and values of the student and of the teacher, one list each, mask, heads |

Vectors are (rows, tokens, width); the mask is (rows, tokens), 1 where a token is visible. The losses of logits
(`cross_entropy`, `soft_targets`, `distillation`) are imported directly. This package loads no torch.
"""

from typing import Literal, NamedTuple

Feature = Literal["embedding", "hidden", "attention", "relation"]


class Loss(NamedTuple):
    """The name of a loss in recipes, and the features that it compares."""

    name: str
    of: tuple[Feature, ...]


LOSSES = {
    "feature_map_transfer": Loss("mse", of=("embedding", "hidden")),
    "cosine_embedding": Loss("cosine", of=("embedding", "hidden")),
    "attention_scores": Loss("mse", of=("attention",)),
    "attention_transfer": Loss("kl", of=("attention",)),
    "self_attention_relation": Loss("kl", of=("relation",)),
}
"""File here -> loss. The first loss of a feature is its default."""


def losses_of(feature: Feature) -> dict[str, str]:
    """Return the losses of a feature: name in recipes -> full name of the module."""
    return {loss.name: f"{__name__}.{module}" for module, loss in LOSSES.items() if feature in loss.of}
