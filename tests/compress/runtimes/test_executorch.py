"""Files that somebody else made, and the threads."""

from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("executorch")

from executorch.exir import to_edge
from torch import Tensor, nn

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.runtimes.executorch import open_session, threads

BATCH = {"input_ids": np.array([[3, 4, 5], [6, 7, 8]]), "attention_mask": np.array([[1, 1, 1], [1, 1, 0]])}


class Sums(nn.Module):
    """Of a text how many ids there are and what they make together, or of each token itself and its double."""

    def __init__(self, per_token: bool = False) -> None:
        super().__init__()
        self.per_token = per_token

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        ids, mask = input_ids.float(), attention_mask.float()
        if self.per_token:
            return torch.stack([ids, ids * 2], dim=-1)
        return torch.stack([mask.sum(dim=1), (ids * mask).sum(dim=1)], dim=-1)


def write(path: Path, module: nn.Module, rows: int = 1, method: str = "forward") -> Path:
    given = tuple(torch.full((rows, 6), number) for number in range(2))
    edge = to_edge({method: torch.export.export(module, given)})
    path.write_bytes(edge.to_executorch().buffer)
    return path


def test_a_file_of_a_fixed_length_is_given_padded_texts(tmp_path: Path) -> None:
    texts = open_session(write(tmp_path / "texts.pte", Sums()), 1)
    assert texts.logits(BATCH).tolist() == [[3, 12], [2, 13]]
    tokens = open_session(write(tmp_path / "tokens.pte", Sums(per_token=True)), 1)
    assert tokens.logits(BATCH).tolist() == [[[3, 6], [4, 8], [5, 10]], [[6, 12], [7, 14], [8, 16]]]


def test_inputs_of_another_order_are_told_apart_by_what_the_manifest_says(tmp_path: Path) -> None:
    path = write(tmp_path / "m.pte", Sums())
    swapped = {"mask": "attention_mask", "ids": "input_ids"}
    sums = [[int(ids.sum()), int((ids * mask).sum())] for ids, mask in zip(*BATCH.values(), strict=True)]
    assert open_session(path, 1, swapped).logits(BATCH).tolist() == sums
    with pytest.raises(BadInput, match=r"takes \[\(1, 6\), \(1, 6\)\]; expected: input_ids, each \(1, tokens\)"):
        open_session(path, 1, {"ids": "input_ids"})


def test_what_is_no_classifier_of_single_texts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"m\.pte: needs a method 'forward'; found: classify"):
        open_session(write(tmp_path / "m.pte", Sums(), method="classify"), 1)
    with pytest.raises(BadInput, match=r"takes \[\(2, 6\), \(2, 6\)\]; expected: input_ids, .*each \(1, tokens\)"):
        open_session(write(tmp_path / "m.pte", Sums(), rows=2), 1)


def test_the_threads_are_those_asked_for_and_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    path = write(tmp_path / "m.pte", Sums())
    for count in (2, 1):
        open_session(path, count)
        assert threads() == count
    assert capfd.readouterr() == ("", "")
