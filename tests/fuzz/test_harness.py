"""The harness finds what it is for: tracebacks, endless answers, messages that are no line, writes elsewhere."""

import json
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from pocketbert.bench.records.baseline import Baseline, make_baseline
from pocketbert.compress.base.errors import BadInput, MachineFailed
from tests.fuzz import harness
from tests.fuzz.__main__ import _kinds
from tests.fuzz.allowed import allowed_trees, spelled
from tests.fuzz.damage import ODD_FILES, as_json, odd_file, trees
from tests.fuzz.grammar import right_texts
from tests.fuzz.harness import Answer, Kind, answer_to, hunt, nothing
from tests.support.results import made_up_run


class Unchecked(BadInput):
    """A message that nobody has made one line of."""

    def __str__(self) -> str:
        return str(self.args[1])

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.args = ("", message)


def refuse(message: str) -> None:
    raise Unchecked(message)


def answered(
    read: Callable[[Any], Any], value: Any, use: Callable[[Any], object] = nothing, home: Path | None = None
) -> Answer:
    return answer_to(Kind(1, st.nothing(), read, use, home), value)


def test_success_and_a_line_are_no_faults() -> None:
    assert answered(len, "x") == Answer(True, True)
    assert answered(refuse, "a.toml: line 3: no such key") == Answer(False, False)
    assert answered(str, "a.toml: its data is missing", refuse) == Answer(True, False)


@pytest.mark.parametrize("message", ["x" * 501, "two\nlines", "\x1b[31m", "\u202e", "\ud800"])
def test_a_message_that_is_no_line_is_a_fault(message: str) -> None:
    assert answered(refuse, message).fault.startswith("message")


def test_a_traceback_is_a_fault_and_so_is_an_endless_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert answered(int, "x").fault.startswith("traceback: ValueError")
    assert answered(str, "x", int) == Answer(True, False, answered(int, "x").fault)
    monkeypatch.setattr(harness, "_PATIENCE", 0.02)
    assert answered(time.sleep, 5).fault.startswith("hang")


def test_a_failure_of_the_machine_is_told_in_one_line_too() -> None:
    def full(_: str) -> None:
        raise MachineFailed("the disk is full")

    assert answered(full, "x") == Answer(False, False)


def test_a_file_that_is_written_or_removed_elsewhere_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    home.mkdir()
    outside.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(home))
    (home / "link").symlink_to(outside)
    for name in ("../outside/a", "link/b"):
        assert answered(lambda name: (home / name).write_text("x"), name, home=home).fault.startswith(
            "stray write: 'open"
        )
    assert answered(lambda name: (outside / name).unlink(), "a", home=home).fault.startswith("stray write: 'os.remove")
    assert answered(lambda name: (home / name).write_text("x"), "c", home=home).fault == ""
    assert answered(lambda name: (outside / name).read_text(), "b", home=home).fault == ""


def test_the_same_seed_draws_the_same_inputs() -> None:
    seen: list[list[bytes]] = []
    for number in (1, 1, 2):
        seen.append([])
        hunt(Kind(20, trees({"a": [1, {"b": "c"}]}).map(as_json), seen[-1].append), 20, number)
    assert seen[0] == seen[1] != seen[2]
    assert len(set(seen[0])) > 10


def test_faults_are_counted_by_place() -> None:
    found = hunt(Kind(10, st.sampled_from(["1", "x"]), int), 2, 1)
    assert (found.inputs, found.read, found.used) == (2, 1, 1)
    assert (found.count(), found.count("traceback"), found.count("message")) == (1, 1, 0)
    assert ((found + found).inputs, (found + found).count("traceback")) == (4, 2)


@seed(1)
@settings(max_examples=40, database=None, deadline=None)
@given(right_texts())
def test_every_right_recipe_is_toml(text: str) -> None:
    assert {"name", "task", "teacher", "artifact"} <= tomllib.loads(text).keys()


@seed(1)
@settings(max_examples=25, database=None, deadline=None)
@given(st.data())
def test_most_allowed_changes_of_a_file_are_read(draw: st.DataObject) -> None:
    tree = make_baseline(made_up_run(), None).model_dump(mode="json", by_alias=True)
    changed = draw.draw(spelled(allowed_trees(Baseline, tree)))
    READ.append(_is_read(json.loads(changed)))
    assert len(READ) < 20 or sum(READ) > 0.6 * len(READ)


READ: list[bool] = []


def _is_read(tree: Any) -> bool:
    try:
        Baseline.model_validate(tree)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("kind", ["baselines", "data"])
def test_a_few_inputs_of_each_kind_that_is_quick(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    found = hunt(_kinds(tmp_path)[kind](), 15, 1)
    assert found.faults == {}
    assert 0.2 < found.read / found.inputs < 0.8


def test_every_odd_file_can_be_made(tmp_path: Path) -> None:
    assert all(odd_file(tmp_path, name, ".json") for name in ODD_FILES)


@pytest.mark.parametrize("value", [10**400, float("inf"), float("nan")], ids=("digits", "infinity", "nan"))
def test_a_tree_with_a_number_beyond_all_measure_is_damaged_too(value: float) -> None:
    @seed(1)
    @settings(max_examples=60, database=None, deadline=None)
    @given(trees({"a": value}))
    def damage(_: object) -> None:
        """Take the tree: to draw it is the test."""

    damage()
