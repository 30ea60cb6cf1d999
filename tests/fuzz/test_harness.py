"""The harness finds what it is for: tracebacks, endless answers, and messages that are no line."""

import time
from pathlib import Path

import pytest
from hypothesis import strategies as st

from pocketbert.compress.base.errors import BadInput
from tests.fuzz import harness
from tests.fuzz.__main__ import _kinds
from tests.fuzz.damage import ODD_FILES, as_json, odd_file, trees
from tests.fuzz.harness import Kind, fault_of, hunt


class Unchecked(BadInput):
    """A message that nobody has made one line of."""

    def __str__(self) -> str:
        return str(self.args[1])

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.args = ("", message)


def refuse(message: str) -> None:
    raise Unchecked(message)


def test_success_and_a_line_are_no_faults() -> None:
    assert fault_of(len, "x") is None
    assert fault_of(refuse, "a.toml: line 3: no such key") == ""


@pytest.mark.parametrize("message", ["x" * 501, "two\nlines", "\x1b[31m", "\u202e", "\ud800"])
def test_a_message_that_is_no_line_is_a_fault(message: str) -> None:
    assert (fault_of(refuse, message) or "").startswith("a message")


def test_a_traceback_is_a_fault_and_so_is_an_endless_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (fault_of(int, "x") or "").startswith("ValueError")
    monkeypatch.setattr(harness, "_PATIENCE", 0.05)
    assert (fault_of(time.sleep, 5) or "").startswith("TooLong")


def test_the_same_seed_draws_the_same_inputs() -> None:
    seen: list[list[bytes]] = []
    for seed in (1, 1, 2):
        seen.append([])
        hunt(Kind(20, trees({"a": [1, {"b": "c"}]}).map(as_json), seen[-1].append), 20, seed)
    assert seen[0] == seen[1] != seen[2]
    assert len(set(seen[0])) > 10


def test_faults_are_counted_by_place() -> None:
    found = hunt(Kind(10, st.sampled_from(["1", "x"]), int), 2, 1)
    assert (found.inputs, found.read, found.tracebacks, found.messages) == (2, 1, 1, 0)


@pytest.mark.parametrize("kind", ["manifests", "baselines"])
def test_a_few_inputs_of_each_kind_that_is_quick(kind: str, tmp_path: Path) -> None:
    made = _kinds(tmp_path)[kind]()
    assert hunt(made, 25, 1).faults == {}


def test_every_odd_file_can_be_made(tmp_path: Path) -> None:
    assert all(odd_file(tmp_path, name, ".json") for name in ODD_FILES)
