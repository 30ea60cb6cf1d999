"""A build on two processes: the same rows, the same result, one set of files."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from accelerate.data_loader import BatchSamplerShard
from pydantic import ValidationError
from torch.utils.data import BatchSampler

from pocketbert.compress.training.settings import Schedule
from pocketbert.compress.training.trainer import _ByLength
from tests.support import REPO
from tests.support.models import write_tiny_model

RECIPE = """
name = "two"
[task]
dataset = "{data}"
max_length = 16
[teacher]
model = "{model}"
epochs = 4
learning_rate = 3e-3
batch_size = 16
[[stage]]
kind = "distill"
student = {{ layers = 2 }}
learning_rate = 3e-3
batch_size = 16
[guard]
max_drop = 0.9
[[artifact]]
format = "torch"
"""


def test_two_processes_share_the_batches_of_one() -> None:
    """Each row once, and what the two compute at one step is one batch of a single process."""
    lengths = [(7 * row) % 31 for row in range(96)]
    shards = [BatchSamplerShard(BatchSampler(_ByLength(lengths, 16, 3), 8, False), 2, rank) for rank in range(2)]
    together = [first + second for first, second in zip(*shards, strict=True)]
    alone = list(BatchSampler(_ByLength(lengths, 16, 3), 16, False))
    assert together == alone
    assert sorted(row for batch in together for row in batch) == list(range(96))


def test_a_batch_that_cannot_be_shared_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(ValidationError, match="legal in 2 accumulation steps on 3 processes: a multiple of 6"):
        Schedule(batch_size=32, gradient_accumulation_steps=2)
    assert Schedule(batch_size=36, gradient_accumulation_steps=2).portion == 6


@pytest.mark.slow
def test_the_result_is_that_of_one_process(tmp_path: Path, tiny_data: Path) -> None:
    still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}  # processes draw dropout differently
    model = write_tiny_model(tmp_path / "model", **still)
    recipe, script = tmp_path / "two.toml", tmp_path / "main.py"
    recipe.write_text(RECIPE.format(data=tiny_data, model=model), encoding="utf-8")
    script.write_text("from pocketbert.bench.cli import main\nmain()\n", encoding="utf-8")
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    commands = {"one": [str(script)], "two": [*torchrun, str(script)]}
    logits = {}
    for name, command in commands.items():
        done = subprocess.run(
            [sys.executable, *command, "build", str(recipe), "--out", str(tmp_path / name)],
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1"},
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stdout.count("manifest.json: student-fp32.torch") == 1
        steps = tmp_path / name / "two/stages"
        logits[name] = [np.load(steps / step / "validation.npy") for step in ("00-teacher", "01-distill")]
        assert json.loads((tmp_path / name / "two/manifest.json").read_text())["steps"][1]["decision"] == "accepted"
        assert not list((tmp_path / name / "two").glob(".scratch/*"))
    for one, two in zip(logits["one"], logits["two"], strict=True):
        assert np.abs(one).max() > 0.5, "nothing was learnt"
        assert np.abs(one - two).max() < 0.05 * np.abs(one).max()  # sums in another order, and BF16 where there is any
