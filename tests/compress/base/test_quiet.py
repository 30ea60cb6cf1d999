"""Libraries say nothing unless a command is verbose; errors are still raised."""

import subprocess
import sys

import pytest

from pocketbert.compress.base import quiet

NOISE = """
import logging, warnings
from pocketbert.compress.base.quiet import quiet
quiet()
import datasets, transformers
from huggingface_hub.utils import logging as hub
warnings.warn("advice")
logging.getLogger().warning("advice")
logging.getLogger("torch.onnx").warning("advice")
logging.getLogger("transformers").warning("advice")
hub.get_logger("huggingface_hub").warning("advice")
logging.basicConfig(level=logging.DEBUG)  # as a library does that is imported later
logging.getLogger("torch.utils._pytree").warning("advice")
assert list(datasets.Dataset.from_dict({"a": [1, 2]}).map(lambda row: row)["a"]) == [1, 2]
logging.getLogger("transformers").error("a real mistake")
"""


def test_hints_warnings_and_bars_are_silenced_errors_are_not() -> None:
    done = subprocess.run([sys.executable, "-c", NOISE], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert "advice" not in done.stderr
    assert "Map" not in done.stderr
    assert "a real mistake" in done.stderr


def test_verbose_silences_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(quiet.warnings, "filterwarnings", asked.append)
    monkeypatch.setattr(quiet, "_shown", quiet.Verbosity.VERBOSE)
    quiet.quiet()
    assert asked == []
    quiet.show(quiet.Verbosity.NORMAL)
    quiet.quiet()
    assert asked == ["ignore"]
