"""The estimate of the time left, from work in tokens and speeds learned on the way."""

import io

import pytest
from rich.console import Console

from pocketbert.bench.measuring.progress import Bar


@pytest.fixture
def bar() -> Bar:
    return Bar(Console(quiet=True))


def test_fixed_times_and_tokens_add_up(bar: Bar) -> None:
    bar.learn("fast", 1.0)
    bar.expect("memory", "fast", fixed_s=4.0)
    bar.expect("cpu/128", "fast", fixed_s=1.0, tokens=2000)
    assert bar.left_s() == pytest.approx(4 + 1 + 2)


def test_an_unknown_artifact_is_taken_for_the_slowest_known_one(bar: Bar) -> None:
    bar.expect("cpu/128", "unknown", tokens=1000)
    before = bar.left_s()
    bar.learn("fast", 1.0)
    bar.learn("slow", 3.0)
    assert before < bar.left_s() == pytest.approx(3.0)
    bar.learn("unknown", 2.0)
    assert bar.left_s() == pytest.approx(2.0)


def test_work_that_is_done_is_not_counted_and_never_negative(bar: Bar) -> None:
    bar.expect("cpu", "a", fixed_s=10.0)
    bar.advance("cpu", "a", 0.25)
    assert bar.left_s() == pytest.approx(7.5)
    bar.advance("cpu", "a", 2.0)
    assert bar.left_s() == 0.0


def test_without_a_terminal_only_lines_worth_a_log_are_printed() -> None:
    said = io.StringIO()
    with Bar(Console(file=said, width=80)) as bar:
        bar.now("pair 1")
        bar.now("pair 2", log=False)
        assert said.getvalue().splitlines() == ["pair 1"]


def test_a_name_is_no_markup() -> None:
    console = Console(file=io.StringIO(), width=100)
    with Bar(console) as bar:
        bar.now("[/x]: [red]\x1b[31m")
    assert "[/x]: [red]\\x1b[31m" in console.file.getvalue()  # type: ignore[attr-defined]
