"""The pytest plugin: options, the one weighing of a session, the table of verdicts.

Loaded by every pytest run on this machine, so it imports nothing but pytest until a gate item is collected.
"""

import shlex
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from compress.errors import BadInput

if TYPE_CHECKING:
    from bench.gate import Item
    from bench.results import Verdict
    from bench.session import Session

METRICS = ("latency", "memory", "size", "accuracy")


class Replay:
    """A timer for pytest-benchmark that tells recorded times: `pedantic` asks it before and after every round."""

    __name__ = "recorded"

    def __init__(self) -> None:
        self._clock = 0.0
        self._steps: Iterator[float] = iter(())

    def record(self, samples_s: list[float]) -> None:
        """The times that the next rounds shall take, seconds."""
        self._steps = iter([step for sample in samples_s for step in (0.0, sample)])

    def __call__(self) -> float:
        self._clock += next(self._steps)
        return self._clock


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("pocketbert", "pocketbert's gate (pytest bench)")
    group.addoption(
        "--gate-manifest",
        type=Path,
        default=Path("artifacts/offline/manifest.json"),
        metavar="FILE",
        help="what to weigh (default: %(default)s)",
    )
    group.addoption("--gate-profiles", default="", metavar="A,B", help="only these profiles (default: all)")
    group.addoption(
        "--gate-baseline", type=Path, metavar="FILE", help="what to hold it against (default: baselines/<recipe>.json)"
    )
    group.addoption(
        "--gate-strict", action="store_true", help="fail on inconclusive, no-baseline and missing profiles as well"
    )
    group.addoption(
        "--gate-report",
        type=Path,
        default=Path("reports"),
        metavar="DIR",
        help="where <recipe>.json and <recipe>.md go (default: %(default)s)",
    )
    group.addoption(
        "--gate-store",
        type=Path,
        default=Path("artifacts/.store"),
        metavar="DIR",
        help="artifacts by SHA-256, so that a baseline's can be run again beside the new one (default: %(default)s)",
    )
    group.addoption(
        "--gate-budget",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="at most so long for one artifact in one profile; what is not settled then is inconclusive "
        "(default: %(default)s)",
    )
    group.addoption(
        "--gate-baseline-python",
        type=Path,
        metavar="PYTHON",
        help="compare two interpreters instead: every artifact runs under this one and under pytest's own",
    )


class Gate:
    """The state of one pytest session: opened when the first gate item is collected."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.session: Session | None = None
        self.refused: BadInput | None = None

    def open(self) -> "Session | None":
        """Check what was asked for; what cannot be used is `refused`, and reported when collection is over."""
        if self.session is None and self.refused is None:
            from bench.session import Asked, Session

            option = self._config.getoption
            asked = Asked(
                manifest=option("--gate-manifest"),
                profiles=tuple(name.strip() for name in option("--gate-profiles").split(",") if name.strip()),
                baseline=option("--gate-baseline"),
                strict=option("--gate-strict"),
                reports=option("--gate-report"),
                store=option("--gate-store"),
                budget_s=option("--gate-budget"),
                baseline_python=option("--gate-baseline-python"),
                command=shlex.join(["pytest", *map(str, self._config.invocation_params.args)]),
            )
            try:
                self.session = Session(asked)
            except BadInput as refused:
                self.refused = refused
        return self.session

    def samples_s(self, item: "Item") -> list[float]:
        """The recorded times of a latency item, seconds; empty if it was not measured."""
        results = self.session.results if self.session else None
        for artifact in results.artifacts if results else []:
            for entry in artifact.latency if artifact.id == item.artifact else []:
                if f"{entry.profile}/{entry.length}" == item.place:
                    return [ms / 1000 for ms in entry.samples_ms]
        return []


GATE = pytest.StashKey[Gate]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[GATE] = Gate(config)


@pytest.fixture(scope="session")
def gate(pytestconfig: pytest.Config) -> Gate:
    """The gate of this session."""
    return pytestconfig.stash[GATE]


@pytest.fixture(scope="session")
def verdicts(gate: Gate, pytestconfig: pytest.Config) -> "dict[Item, Verdict]":
    """Weighs everything, once; the verdict of every gate item."""
    from rich.console import Console

    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    session = cast("Session", gate.session)  # it is open: the item that asks came out of it
    with capture.global_and_fixture_disabled() if capture else nullcontext():
        try:
            return session.run(Console(stderr=True))
        except BadInput as refused:
            pytest.exit(f"pocketbert: {refused}", returncode=pytest.ExitCode.USAGE_ERROR)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    metric = metafunc.function.__name__.removeprefix("test_")
    if "gate_item" not in metafunc.fixturenames or metric not in METRICS:
        return
    session = metafunc.config.stash[GATE].open()
    items = [item for item in session.items if item.metric == metric] if session else []
    if "replay" not in metafunc.fixturenames:
        metafunc.parametrize("gate_item", items, ids=str)
        return
    cases = []
    for item in items:
        replay = Replay()
        marks = pytest.mark.benchmark(group=item.place, timer=replay)
        cases.append(pytest.param(item, replay, marks=marks, id=str(item)))
    metafunc.parametrize(("gate_item", "replay"), cases)


def pytest_collection_modifyitems(config: pytest.Config) -> None:
    if refused := config.stash[GATE].refused:
        raise pytest.UsageError(f"pocketbert: {refused}")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    gate = session.config.stash[GATE].session
    if gate is None or gate.results is None:
        return
    gate.write_report()
    if gate.unwritten and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    session = config.stash[GATE].session
    if session is None or session.results is None:
        return
    from bench.summary import verdict_lines

    terminalreporter.section("pocketbert: verdicts")
    for line in verdict_lines(session.results, session.baseline_path if session.baseline else None):
        terminalreporter.write_line(line)
    terminalreporter.write_line(session.unwritten or f"report: {session.report_path}")
