"""A line now and then in a log, a bar on a terminal, and nothing from the processes that help the first one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pocketbert.compress.base import quiet
from pocketbert.compress.base.progress import Progress

Advance = Callable[[float], None]


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Advance:
    """Moves the clock on by so many seconds."""
    now = [1000.0]
    monkeypatch.setattr("pocketbert.compress.base.progress.time.monotonic", lambda: now[0])
    return lambda seconds: now.__setitem__(0, now[0] + seconds)


def test_a_log_has_a_line_every_30_seconds(pass_time: Advance, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as progress, progress.work("training", 100) as work:
        pass_time(29)
        work.advance(10)
        assert capsys.readouterr() == ("", "")
        pass_time(11)
        work.advance(10)
        assert capsys.readouterr().err == "  training: 20 %, about 160 s left\n"
        pass_time(10)
        work.advance(10)
        assert capsys.readouterr().err == ""


def test_nothing_done_is_no_line(pass_time: Advance, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as progress, progress.work("training", 100) as work:
        pass_time(60)
        work.advance(0)
    assert capsys.readouterr().err == ""


def test_lines_are_not_read_as_markup_nor_wrapped(capsys: pytest.CaptureFixture[str]) -> None:
    line = "[red]distill[/red]: " + "x" * 300
    with Progress() as progress:
        progress.say(line)
    assert capsys.readouterr().err == f"{line}\n"


def test_only_the_first_process_prints(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("RANK", "1")
    with Progress() as progress:
        progress.say("nobody reads this twice")
    assert capsys.readouterr() == ("", "")


def test_quiet_prints_nothing_and_keeps_the_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(quiet, "_shown", quiet.Verbosity.QUIET)
    progress = Progress()
    progress.log = tmp_path / "build.log"
    with progress, progress.work("training", 2) as work:
        work.advance()
        progress.say("one line")
    assert capsys.readouterr() == ("", "")
    assert progress.log.read_text(encoding="utf-8").endswith(" one line\n")


@pytest.mark.parametrize("thread", [True, False])
def test_a_terminal_has_a_bar_until_the_work_ends(monkeypatch: pytest.MonkeyPatch, thread: bool) -> None:
    """Without `thread` nothing redraws beside the work that is timed."""
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes the output for a terminal
    progress = Progress(thread=thread)
    with progress:
        bars: Any = progress.rich
        assert bars.live.auto_refresh is thread
        with progress.work("outer", 4) as outer, progress.work("inner", 2) as inner:
            outer.advance(3)
            inner.advance()
            assert [(task.description, task.completed) for task in bars.tasks] == [("outer", 3), ("inner", 1)]
        assert bars.tasks == []
        with pytest.raises(ZeroDivisionError), progress.work("failing", 1):
            raise ZeroDivisionError
        assert bars.tasks == []
    assert progress.rich is None


def test_a_line_is_printed_as_it_is_and_the_terminal_obeys_none_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as progress:
        progress.say("[/x] [red]a :smile: \x1b[31mb\nc")
    assert capsys.readouterr().err == "[/x] [red]a :smile: \\x1b[31mb c\n"
