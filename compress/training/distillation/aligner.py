"""The loss of an alignment, with the projections between different widths, and the student trained with both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers.utils import ModelOutput

from pocketbert.compress.training.distillation.alignment import Alignment
from pocketbert.compress.training.features import Key, capture

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel


class Aligner(nn.Module):
    """Σ weight × loss over the terms, for one teacher and one student.

    If the widths differ, the aligner has linear projections without bias from the student's width to the teacher's:
    one for the embeddings, and one that all hidden states share (Jiao et al. 2020, equations 8 and 9). They are trained
    with the student and discarded afterwards.
    """

    def __init__(self, terms: Sequence[Alignment], teacher: "PretrainedConfig", student: "PretrainedConfig") -> None:
        """The terms must have passed `pocketbert.compress.training.distillation.alignment.check`."""
        super().__init__()
        self._terms = tuple(terms)
        self._heads = [term.heads(teacher, student) for term in terms]
        self._losses = [getattr(import_module(term.loss_module), term.loss_module.rpartition(".")[2]) for term in terms]
        projected = {term.feature for term in terms} & {"embedding", "hidden"}
        if teacher.hidden_size == student.hidden_size:
            projected = set()
        self.projections = nn.ModuleDict(
            {feature: nn.Linear(student.hidden_size, teacher.hidden_size, bias=False) for feature in sorted(projected)}
        )

    @property
    def teacher_keys(self) -> tuple[Key, ...]:
        """The teacher's vectors that `forward` needs, without duplicates."""
        return tuple(dict.fromkeys(key for term in self._terms for key in term.teacher_keys))

    @property
    def student_keys(self) -> tuple[Key, ...]:
        """The student's vectors that `forward` needs, without duplicates."""
        return tuple(dict.fromkeys(key for term in self._terms for key in term.student_keys))

    def forward(self, student: Mapping[Key, Tensor], teacher: Mapping[Key, Tensor], mask: Tensor) -> Tensor:
        """Compute the loss of a batch, a scalar; without terms the loss is 0.

        Computes in the teacher's precision, outside autocast: BF16 is too coarse for differences of scores.

        Args:
            student: vectors (rows, tokens, width) by `student_keys`.
            teacher: vectors of the same rows and tokens by `teacher_keys`.
            mask: (rows, tokens), 1 where a token is visible.
        """
        total = torch.zeros((), device=mask.device)
        with torch.autocast(mask.device.type, enabled=False):
            for term, heads, loss in zip(self._terms, self._heads, self._losses, strict=True):
                theirs = [teacher[key] for key in term.teacher_keys]
                ours = [student[key].to(theirs[0].dtype) for key in term.student_keys]
                if term.feature in self.projections:
                    ours = [self.projections[term.feature](ours[0])]
                if term.feature == "relation":
                    found = loss(ours, theirs, mask, heads)
                elif term.feature == "attention":
                    found = loss(*ours, *theirs, mask, heads)
                else:
                    found = loss(*ours, *theirs, mask)
                total = total + term.weight * found
        return total


@dataclass
class AlignedOutput(ModelOutput):
    """The student's `logits`, and the loss of the alignment, a scalar."""

    logits: Tensor | None = None
    alignment: Tensor | None = None


class Aligned(nn.Module):
    """The student and its aligner as one module, so that the projections are trained with the student."""

    def __init__(self, student: "PreTrainedModel", aligner: Aligner) -> None:
        super().__init__()
        self.student, self.aligner = student, aligner

    def forward(self, teacher: dict[Key, Tensor], **inputs: Any) -> AlignedOutput:
        """Run the student; `teacher` holds the teacher's vectors of the same inputs, (rows, tokens, width) each."""
        with capture(self.student, self.aligner.student_keys) as found:
            logits = self.student(**inputs).logits
        return AlignedOutput(logits, self.aligner(found, teacher, inputs["attention_mask"]))
