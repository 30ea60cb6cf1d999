"""A student together with what its insides are held against, as one module to train."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn
from transformers.utils import ModelOutput

from compress.aligner import Aligner
from compress.features import Key, capture

if TYPE_CHECKING:
    from transformers import PreTrainedModel


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
