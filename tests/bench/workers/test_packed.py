"""Inputs travel to a worker and come back as they were."""

from pathlib import Path

import numpy as np
import pytest

from pocketbert.bench.workers.packed import pack, unpack
from pocketbert.compress.tasks.inputs import Inputs


@pytest.mark.parametrize(
    "inputs",
    [
        Inputs([[2, 5, 3], [2, 3], [2, 7, 8, 9, 3]], 1),
        Inputs([[2, 5, 3, 6, 3]], 0, types=[[0, 0, 0, 1, 1]]),
        Inputs([[2, 5, 3], [2, 3], [2, 6, 3]], 0, scored=[[1], [], [1]]),
        Inputs([[2, 3], [2, 5, 3]], 0, scored=[[], []]),
    ],
    ids=["texts", "pairs", "words", "no words"],
)
def test_what_is_packed_comes_back(inputs: Inputs, tmp_path: Path) -> None:
    np.savez(tmp_path / "texts.npz", allow_pickle=False, **pack(inputs))
    with np.load(tmp_path / "texts.npz", allow_pickle=False) as file:
        assert unpack(file) == inputs
