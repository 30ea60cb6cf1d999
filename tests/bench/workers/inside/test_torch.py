"""Hugging Face folders: tensors from the headers of their safetensors files, operators from PyTorch's profiler."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pocketbert.bench.workers.file import File
from pocketbert.bench.workers.inside import Tensor
from pocketbert.bench.workers.inside.torch import profile, tensors


@pytest.mark.parametrize(
    ("dtype", "name", "bytes_each"),
    [
        (torch.float32, "float32", 4),
        (torch.float16, "float16", 2),
        (torch.bfloat16, "bfloat16", 2),
        (torch.int64, "int64", 8),
        (torch.uint8, "uint8", 1),
        (torch.bool, "bool", 1),
    ],
)
def test_types_have_numpys_names_and_their_size(tmp_path: Path, dtype: torch.dtype, name: str, bytes_each: int) -> None:
    save_file({"w": torch.zeros((3, 5), dtype=dtype)}, tmp_path / "model.safetensors")
    assert tensors(tmp_path) == [Tensor("w", name, (3, 5), 15 * bytes_each)]


def test_shards_are_read_together_and_other_files_are_not(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(2)}, tmp_path / "model-1.safetensors", {"format": "pt"})
    save_file({"b": torch.zeros(())}, tmp_path / "model-2.safetensors")
    (tmp_path / "config.json").write_text("{}")
    assert tensors(tmp_path) == [Tensor("a", "float32", (2,), 8), Tensor("b", "float32", (), 4)]


def test_operators_are_counted_per_request(tiny_model: Path) -> None:
    ids = np.array([[2, 5, 6, 3]])
    found = {o.name: o for o in profile(File("torch", tiny_model), 1, [{"input_ids": ids, "attention_mask": ids}] * 2)}
    assert found["aten::addmm"].nodes == int(found["aten::addmm"].nodes) > 0
    assert found["aten::addmm"].ms > 0
