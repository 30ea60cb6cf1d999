"""Batches, runtimes without pocketbert, and checks of an export against its source, shared by the formats' tests."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.pipeline.shipping.artifact import Export
from pocketbert.compress.pipeline.shipping.verify import Verified, verify
from pocketbert.compress.runtimes.torch import TorchSession
from pocketbert.compress.tasks.inputs import pad, predict
from pocketbert.compress.tasks.rows import Tokens
from tests.support.models import SEQUENCES, rows_of

ROWS = rows_of(SEQUENCES, [0] * len(SEQUENCES))
TOKENS = Tokens(ROWS, ROWS, ROWS)
BATCH = pad([[2, 5, 6, 7, 3], [2, 8, 3], [2, 9, 10, 11, 12, 13, 14, 3]], 0)
PAIRS = {**BATCH, "token_type_ids": (np.arange(8) > 3) * BATCH["attention_mask"]}
Exporter = Callable[..., str | None]
_ELSEWHERE = """
import json, sys
sys.modules["pocketbert"] = None
import numpy as np
import onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
ids = np.array(json.loads(sys.argv[2]))
given = {"input_ids": ids, "attention_mask": ids > 0}
types = {each.name: np.int32 if each.type == "tensor(int32)" else np.int64 for each in session.get_inputs()}
print(json.dumps(session.run(None, {name: given[name].astype(type_) for name, type_ in types.items()})[0].tolist()))
"""


def without_pocketbert(file: Path, ids: np.ndarray) -> np.ndarray:
    """The logits that stock ONNX Runtime computes in a process that has no pocketbert; 0 is padding."""
    command = [sys.executable, "-c", _ELSEWHERE, str(file), json.dumps(ids.tolist())]
    return np.array(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))


def verified(model: Any, export: Export, path: Path, tokens: Tokens = TOKENS) -> Verified:
    inputs = tokens.validation.inputs
    return verify(model, export, path, predict(TorchSession(model).logits, inputs), inputs, Progress())


def spoiling(layer: int, real: Exporter) -> Exporter:
    """An exporter that gets one layer wrong."""

    def export(model: Any, path: Path, precision: str, inputs: Sequence[str], kept: Mapping[str, str]) -> str | None:
        wrong = deepcopy(model)
        if layer < len(wrong.base_model.encoder.layer):
            with torch.no_grad():
                wrong.base_model.encoder.layer[layer].output.dense.bias.add_(
                    torch.linspace(-1, 1, wrong.config.hidden_size)
                )
        return real(wrong, path, precision, inputs, kept)

    return export


@torch.inference_mode()
def rounded(model: torch.nn.Module, least: int) -> np.ndarray:
    """Logits in FP32 of `PAIRS` by a copy whose tensors of at least so many dimensions went through FP16."""
    model = deepcopy(model)
    for parameter in model.parameters():
        if parameter.ndim >= least:
            parameter.copy_(parameter.half().float())
    return model(**{name: torch.from_numpy(values) for name, values in PAIRS.items()}).logits.numpy()


def turning_labels(real: Exporter) -> Exporter:
    """An exporter whose file gives the other one of two labels."""

    def export(model: Any, *more: Any) -> str | None:
        with torch.no_grad():
            (turned := deepcopy(model)).classifier.weight.neg_()
        return real(turned, *more)

    return export
