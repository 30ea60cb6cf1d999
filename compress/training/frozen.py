"""Training of the upper layers alone: the output of the frozen lower layers is computed once and kept on disk."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import TokenClassifierOutput

from pocketbert.compress.base.files import record_digests, recorded_figures
from pocketbert.compress.base.progress import Work
from pocketbert.compress.models.families import embed, encoder_layers, run_layers
from pocketbert.compress.tasks.inputs import Batch, Inputs, as_tensors
from pocketbert.compress.training.precision import autocast, fastest_device
from pocketbert.compress.training.states import TokenStates, compute_states

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class UpperLayers(nn.Module):
    """The layers from `depth` on, the pooler and the head of a classifier; the parameters are shared with it."""

    def __init__(self, model: "PreTrainedModel", depth: int) -> None:
        super().__init__()
        base: Any = model.base_model
        self.layers = nn.ModuleList(encoder_layers(model)[depth:])
        self.pooler = getattr(base, "pooler", None)
        self.dropout = getattr(model, "dropout", nn.Identity())  # some heads have their own
        self.classifier = model.classifier

    def forward(self, hidden: Tensor, attention_mask: Tensor) -> TokenClassifierOutput:
        """Compute logits, (rows, labels) or (rows, tokens, labels), from lower states (rows, tokens, hidden)."""
        hidden = run_layers(self.layers, hidden, attention_mask)
        pooled = self.pooler(hidden) if self.pooler else hidden
        return TokenClassifierOutput(logits=self.classifier(self.dropout(pooled)))


class LowerStates:
    """The output of the embeddings and the lowest `depth` layers for each row, in one file of states.

    An existing file (of a resumed build) is used if its digest is right.
    """

    def __init__(self, model: "PreTrainedModel", depth: int, inputs: Inputs, file: Path, work: Work) -> None:
        self._lengths = torch.tensor(list(map(len, inputs.sequences)))
        record = file.with_suffix(".json")
        if recorded_figures(record) is None:
            file.parent.mkdir(parents=True, exist_ok=True)
            # Outside inference mode: weights that are moved to a device inside that mode could not be trained.
            model = model.eval().to(fastest_device())

            def lower(batch: Batch) -> list[Tensor]:
                read = as_tensors(batch, model.device)
                hidden = embed(model, read["input_ids"], read.get("token_type_ids"))
                with autocast(model.device.type):  # as in training
                    return [run_layers(encoder_layers(model)[:depth], hidden, read["attention_mask"])]

            compute_states({file: model.config.hidden_size}, inputs, lower, work)
            record_digests(record, [file])
        self._states = TokenStates(file, self._lengths.tolist())

    def batch(self, rows: list[int]) -> dict[str, Tensor]:
        """Return ``hidden`` (rows, tokens, hidden) and ``attention_mask`` (rows, tokens) of these rows."""
        hidden = self._states.batch(rows)
        visible = torch.arange(hidden.shape[1]) < self._lengths[rows][:, None]
        return {"hidden": hidden, "attention_mask": visible.long()}
