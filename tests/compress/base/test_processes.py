"""A build on two processes: the same rows, the same result, one set of files."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pocketbert.compress.base import processes
from pocketbert.compress.base.processes import Terminated, agreed, first_alone, rank, termination_raised, wait, world
from tests.support import REPO
from tests.support.models import write_tiny_data, write_tiny_model

RECIPE = """
name = "two"
[task]
dataset = "{data}"
max_length = 16
[teacher]
model = "{model}"
epochs = 4
patience = 2
layer_decay = 0.9
learning_rate = 3e-3
batch_size = 16
[[stage]]
kind = "distill"
student = {{ layers = 2 }}
epochs = 2
patience = 1
fake_quant = "int4"
learning_rate = 3e-3
batch_size = 16
[guard]
max_drop = 0.9
rows = "half"
[[artifact]]
format = "torch"
"""


def test_one_process_is_the_first_and_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert (rank(), world()) == (0, 1)
    monkeypatch.setattr("accelerate.PartialState", None)  # would fail if it were called
    wait()
    assert agreed(0.5) == 0.5


@pytest.mark.parametrize(("number", "order"), [(0, ["block", "wait"]), (1, ["wait", "block"])])
def test_the_other_processes_wait_for_the_files_of_the_first(
    monkeypatch: pytest.MonkeyPatch, number: int, order: list[str]
) -> None:
    happened: list[str] = []
    monkeypatch.setenv("RANK", str(number))
    monkeypatch.setattr(processes, "wait", lambda: happened.append("wait"))
    with first_alone():
        happened.append("block")
    assert happened == order


@pytest.mark.slow
def test_the_result_is_that_of_one_process(tmp_path: Path, tiny_data: Path) -> None:
    still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}  # processes draw dropout differently
    model = write_tiny_model(tmp_path / "model", **still)
    recipe, script = tmp_path / "two.toml", tmp_path / "main.py"
    data = write_tiny_data(tmp_path / "data", 3_000)  # 1,000 validation rows: the guard holds back half of them
    shutil.copy(tiny_data / "train.jsonl", data)
    recipe.write_text(RECIPE.format(data=data, model=model), encoding="utf-8")
    script.write_text("from pocketbert.bench.cli import main\nmain()\n", encoding="utf-8")
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    commands = {"one": [str(script)], "two": [*torchrun, str(script)]}
    logits = {}
    for name, command in commands.items():
        done = subprocess.run(
            [sys.executable, *command, "build", str(recipe), "--artifacts-dir", str(tmp_path / name)],
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1"},
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stdout.count("pocketbert gate ") == 1, "every process spoke"
        steps = tmp_path / name / "two/stages"
        logits[name] = [np.load(steps / step / "validation.npy") for step in ("00-teacher", "01-distill")]
        manifest = (tmp_path / name / "two/manifest.json").read_text(encoding="utf-8")
        assert json.loads(manifest)["steps"][1]["decision"] == "accepted"
        assert "the guard decides on 500 of 1,000 validation rows" in manifest
        assert not list((tmp_path / name / "two").glob(".scratch/*"))
    for one, two in zip(logits["one"], logits["two"], strict=True):
        assert np.abs(one).max() > 0.5, "nothing was learnt"
        assert np.abs(one - two).max() < 0.05 * np.abs(one).max()  # sums in another order, and BF16 where there is any


def test_a_second_signal_does_not_end_the_cleaning_up() -> None:
    cleaned = []
    with pytest.raises(Terminated), termination_raised():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGTERM)
            cleaned.append(True)
    assert cleaned
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
