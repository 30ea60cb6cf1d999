"""Checks of an export against its source, shared by the formats' tests."""

from collections.abc import Callable, Collection, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.pipeline.shipping.artifact import Export
from pocketbert.compress.pipeline.shipping.verify import Verified, verify
from pocketbert.compress.runtimes.torch import TorchSession
from pocketbert.compress.tasks.inputs import predict
from pocketbert.compress.tasks.rows import Tokens
from tests.support.models import SEQUENCES, rows_of

ROWS = rows_of(SEQUENCES, [0] * len(SEQUENCES))
TOKENS = Tokens(ROWS, ROWS, ROWS)
Exporter = Callable[..., str | None]


def verified(model: Any, export: Export, path: Path, tokens: Tokens = TOKENS) -> Verified:
    source = predict(TorchSession(model).logits, tokens.validation.inputs)
    return verify(model, export, path, source, tokens, Progress())


def spoiling(layer: int, real: Exporter) -> Exporter:
    """An exporter that gets one layer wrong."""

    def export(
        model: Any, path: Path, precision: str, inputs: Sequence[str], keep_float: Collection[str]
    ) -> str | None:
        wrong = deepcopy(model)
        if layer < len(wrong.base_model.encoder.layer):
            with torch.no_grad():
                wrong.base_model.encoder.layer[layer].output.dense.bias.add_(
                    torch.linspace(-1, 1, wrong.config.hidden_size)
                )
        return real(wrong, path, precision, inputs, keep_float)

    return export
