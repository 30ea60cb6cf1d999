from pathlib import Path

import numpy as np
import pytest
import torch

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.runtimes import open_session
from pocketbert.compress.tasks.inputs import pad
from studies.runtimes.forwards import AttentionNode
from studies.runtimes.graph import FORWARDS, Way, fuse, table, write

BATCH = pad([[2, 5, 6, 7, 3], [2, 8, 3], [2, 9, 10, 11, 12, 13, 14, 3]], 0)


@pytest.mark.parametrize("forward", FORWARDS)
def test_every_forward_gives_the_logits_of_the_model(forward: str, tiny_model: Path, tmp_path: Path) -> None:
    model = load_classifier(tiny_model).eval()
    with torch.no_grad():
        expected = model(**{name: torch.from_numpy(values) for name, values in BATCH.items()}).logits.numpy()
    path = tmp_path / "m.onnx"
    write(FORWARDS[forward](model).eval(), path, "TorchScript")
    right = slice(2, 3) if forward == "plain, no mask" else slice(3)  # the third text alone is not padded
    assert np.abs(open_session("onnxruntime", path, 1).logits(BATCH) - expected)[right].max() < 1e-5
    if forward != "plain, Attention node":
        fuse(path, model)
        assert np.abs(open_session("onnxruntime", path, 1).logits(BATCH) - expected)[right].max() < 1e-5


def test_the_exported_graph_is_the_reference(tiny_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    write(AttentionNode(load_classifier(tiny_model)).eval(), path, "TorchScript")
    way = Way("plain, Attention node", "TorchScript", False)
    shown = table({"fp32": path, f"{way} fp32": path}, Progress(), tokens=16)
    headers, _, exported, other = ([cell.strip() for cell in line.split("|")[1:-1]] for line in shown.splitlines())
    assert headers[2:4] == ["nodes", "time / exported, 1 thread"]
    assert exported[:2] == ["exported", "fp32"] and exported[3] == exported[4] == "1.000 (1.000 to 1.000)"
    assert other[:2] == ["plain, Attention node, TorchScript", "fp32"]
    assert other[2].endswith(", 4 of them attention")


def test_a_way_is_named() -> None:
    assert str(Way("stock", "dynamo", True)) == "stock, dynamo, fused"
