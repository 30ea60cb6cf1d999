from pathlib import Path

import numpy as np
import pytest
import torch

from pocketbert.compress.models.modeling_uneven import load_classifier
from pocketbert.compress.runtimes import open_session
from pocketbert.compress.tasks.inputs import pad
from studies.runtimes.forwards import AttentionNode
from studies.runtimes.graph import FORWARDS, WAYS, Way, fuse, table, write
from studies.shared.race import race, ratio

BATCH = pad([[2, 5, 6, 7, 3], [2, 8, 3], [2, 9, 10, 11, 12, 13, 14, 3]], 0)


@pytest.mark.parametrize("forward", FORWARDS)
def test_every_forward_answers_as_the_model(forward: str, tiny_model: Path, tmp_path: Path) -> None:
    model = load_classifier(tiny_model).eval()
    with torch.no_grad():
        expected = model(**{name: torch.from_numpy(values) for name, values in BATCH.items()}).logits.numpy()
    path = tmp_path / "m.onnx"
    write(FORWARDS[forward](model).eval(), path, "TorchScript")
    assert np.abs(open_session("onnxruntime", path, 1).logits(BATCH) - expected).max() < 1e-5
    if forward != "plain, Attention node":
        fuse(path, model)
        assert np.abs(open_session("onnxruntime", path, 1).logits(BATCH) - expected).max() < 1e-5


def test_what_ships_is_the_yardstick(tiny_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    write(AttentionNode(load_classifier(tiny_model)).eval(), path, "TorchScript")
    shown = table({"fp32": path, f"{WAYS[-1]} fp32": path}, tokens=16)
    headers, _, ships, other = ([cell.strip() for cell in line.split("|")[1:-1]] for line in shown.splitlines())
    assert headers[2:4] == ["nodes", "time / what ships, 1 thread"]
    assert ships[:2] == ["ships", "fp32"] and ships[3] == ships[4] == "1.000 (1.000 to 1.000)"
    assert other[:2] == ["plain, Attention node, TorchScript", "fp32"]
    assert other[2].endswith(", 4 of them attention")


def test_a_way_is_named() -> None:
    assert str(Way("stock", "dynamo", True)) == "stock, dynamo, fused"


def test_sessions_run_in_turn() -> None:
    order: list[str] = []

    class Session:
        def __init__(self, name: str) -> None:
            self.name = name

        def logits(self, batch: object) -> np.ndarray:
            order.append(self.name)
            return np.zeros(1)

    found = race({"a": Session("a"), "b": Session("b")}, {}, 3, 2)
    assert order[:8] == ["b", "a", "a", "b", "b", "a", "a", "b"]
    assert {name: len(times) for name, times in found.items()} == {"a": 3, "b": 3}


def test_a_ratio_is_of_neighbours_with_an_interval_of_order_statistics() -> None:
    slow_spell = np.linspace(1, 9, 100)
    found = ratio((2 * slow_spell).tolist(), slow_spell.tolist())
    assert found.estimate == found.low == found.high == 2
    drawn = np.random.default_rng(0).permutation(np.linspace(1.0, 2.0, 100))
    found = ratio(drawn.tolist(), [1.0] * 100)
    assert str(found) == "1.500 (1.404 to 1.606)"
    assert ratio([3.0], [2.0]) == (1.5, 1.5, 1.5)
