"""The terms of an alignment as one loss, with the projections that different widths need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers.utils import ModelOutput

from pocketbert.compress.models.features import Key, capture
from pocketbert.compress.training.distillation.alignment import Alignment, _heads
from pocketbert.compress.training.losses.attention_scores import attention_scores
from pocketbert.compress.training.losses.attention_transfer import attention_transfer
from pocketbert.compress.training.losses.cosine_embedding import cosine_embedding
from pocketbert.compress.training.losses.feature_map_transfer import feature_map_transfer
from pocketbert.compress.training.losses.self_attention_relation import self_attention_relation

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

_VECTOR_LOSSES = {"mse": feature_map_transfer, "cosine": cosine_embedding}
_ATTENTION_LOSSES = {"mse": attention_scores, "kl": attention_transfer}


class Aligner(nn.Module):
    """Σ weight × loss over the terms, for one teacher and one student.

    It owns what only training needs: where the widths differ, a Linear without bias from the student's to the
    teacher's, one for the embeddings and one that all hidden states share (Jiao et al. 2020, equations 8 and 9).
    Train its parameters with the student's, and throw it away afterwards.
    """

    def __init__(self, terms: Sequence[Alignment], teacher: "PretrainedConfig", student: "PretrainedConfig") -> None:
        """The terms must have passed `pocketbert.compress.training.distillation.alignment.check`."""
        super().__init__()
        self._terms = tuple(terms)
        self._heads = [_heads(term, teacher, student) for term in terms]
        projected = {term.feature for term in terms} & {"embedding", "hidden"}
        if teacher.hidden_size == student.hidden_size:
            projected = set()
        self.projections = nn.ModuleDict(
            {feature: nn.Linear(student.hidden_size, teacher.hidden_size, bias=False) for feature in sorted(projected)}
        )

    @property
    def teacher_keys(self) -> tuple[Key, ...]:
        """The teacher's vectors that `forward` wants, each once."""
        return tuple(dict.fromkeys(key for term in self._terms for key in term.teacher_keys))

    @property
    def student_keys(self) -> tuple[Key, ...]:
        """The student's vectors that `forward` wants, each once."""
        return tuple(dict.fromkeys(key for term in self._terms for key in term.student_keys))

    def forward(self, student: Mapping[Key, Tensor], teacher: Mapping[Key, Tensor], mask: Tensor) -> Tensor:
        """The loss of a batch, a scalar; 0 where there are no terms.

        Computed in the teacher's precision, outside of autocast: BF16 has no digits left for a difference of scores.

        Args:
            student: vectors (rows, tokens, width) by `student_keys`.
            teacher: vectors of the same rows and tokens by `teacher_keys`.
            mask: (rows, tokens), 1 where a token is visible.
        """
        total = torch.zeros((), device=mask.device)
        with torch.autocast(mask.device.type, enabled=False):
            for term, heads in zip(self._terms, self._heads, strict=True):
                theirs = [teacher[key] for key in term.teacher_keys]
                ours = [student[key].to(theirs[0].dtype) for key in term.student_keys]
                total = total + term.weight * self._loss(term, ours, theirs, mask, heads)
        return total

    def _loss(
        self, term: Alignment, student: Sequence[Tensor], teacher: Sequence[Tensor], mask: Tensor, heads: int
    ) -> Tensor:
        if term.feature == "relation":
            return self_attention_relation(student, teacher, mask, heads)
        if term.feature == "attention":
            (queries, keys), (teacher_queries, teacher_keys) = student, teacher
            return _ATTENTION_LOSSES[term.loss](queries, keys, teacher_queries, teacher_keys, mask, heads)
        (ours,), (theirs,) = student, teacher
        if term.feature in self.projections:
            ours = self.projections[term.feature](ours)
        return _VECTOR_LOSSES[term.loss](ours, theirs, mask)


@dataclass
class AlignedOutput(ModelOutput):
    """`logits` as the student gives them; `alignment`, a scalar."""

    logits: Tensor | None = None
    alignment: Tensor | None = None


class Aligned(nn.Module):
    """The student's forward with its features captured on the way; the projections are trained with it."""

    def __init__(self, student: "PreTrainedModel", aligner: Aligner) -> None:
        super().__init__()
        self.student, self.aligner = student, aligner

    def forward(self, teacher: dict[Key, Tensor], **inputs: Any) -> AlignedOutput:
        """`teacher` holds its vectors at the tokens of these inputs, (rows, tokens, width) each."""
        with capture(self.student, self.aligner.student_keys) as found:
            logits = self.student(**inputs).logits
        return AlignedOutput(logits, self.aligner(found, teacher, inputs["attention_mask"]))
