"""The pytest plugin: options, the one weighing of a session, the table of verdicts.

Loaded by every pytest run on this machine, so it imports nothing but pytest until a gate item is collected.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from pocketbert.bench.gate.options import BUDGET_S, DEFAULTS, read
from pocketbert.compress.base.errors import BadInput

if TYPE_CHECKING:
    from pocketbert.bench.gate.fixtures import Judge, Weigh
    from pocketbert.bench.gate.session import Session
    from pocketbert.bench.records.results import Results, Verdict
    from pocketbert.bench.verdicts.items import Item

    Verdicts = dict[Item, Verdict]

METRICS = ("latency", "memory", "size", "accuracy")
ALONE = "several pytest processes would time each other: leave out -n (pytest-xdist)"


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
        "--gate-manifest", type=Path, metavar="FILE", help=f"what to weigh (default: {DEFAULTS['manifest']})"
    )
    group.addoption("--gate-profiles", metavar="A,B", help="only these profiles (default: all)")
    group.addoption(
        "--gate-baseline", type=Path, metavar="FILE", help="what to hold it against (default: baselines/<recipe>.json)"
    )
    group.addoption(
        "--gate-strict", action="store_true", help="fail on inconclusive, no-baseline and missing profiles as well"
    )
    group.addoption(
        "--gate-report",
        type=Path,
        metavar="DIR",
        help=f"where <recipe>.json and <recipe>.md go (default: {DEFAULTS['reports']})",
    )
    group.addoption(
        "--gate-store",
        type=Path,
        metavar="DIR",
        help="artifacts by SHA-256, so that a baseline's can be run again beside the new one "
        f"(default: {DEFAULTS['store']})",
    )
    group.addoption(
        "--gate-budget",
        type=float,
        metavar="SECONDS",
        help="at most so long for one artifact in one profile; what is not settled then is inconclusive "
        f"(default: {BUDGET_S})",
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
        self.wanted: set[Item] | None = None  # what -k and -m left; None: everything

    def open(self) -> "Session | None":
        """Check what was asked for; what cannot be used is `refused`, and reported when collection is over."""
        if self.session is None and self.refused is None:
            from pocketbert.bench.gate.session import Session

            try:
                self.session = Session(read(self._config))
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
    for metric in METRICS:
        config.addinivalue_line("markers", f"{metric}: pocketbert's gate on {metric}")
    config.addinivalue_line(
        "markers",
        "latency_budget(ratio, of, p50_ms, profile): how slow an artifact may be, judged by its interval when the test "
        "calls the fixture `weigh` with its id",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    config = session.config
    if config.getoption("dist", "no") != "no" and any(_is_gate(config, arg) for arg in config.args):
        raise pytest.UsageError(f"pocketbert: {ALONE}")


def _is_gate(config: pytest.Config, arg: str) -> bool:
    """Whether an argument of pytest names the gate's own tests, as a path or as a package."""
    gate, name = Path(__file__).with_name("test_gate.py"), arg.split("::")[0]
    package = config.getoption("pyargs") and name in ("bench", "pocketbert.bench.gate.test_gate")
    return package or (config.invocation_params.dir / name).resolve() in (gate, gate.parent)


@pytest.fixture(scope="session")
def gate_state(pytestconfig: pytest.Config) -> Gate:
    """The gate of this session."""
    return pytestconfig.stash[GATE]


@pytest.fixture(scope="session")
def verdicts(gate_state: Gate, pytestconfig: pytest.Config) -> "Verdicts":
    """Weighs what the collected items need, once; the verdict of every gate item."""
    if hasattr(pytestconfig, "workerinput"):
        pytest.fail(f"pocketbert: {ALONE}", pytrace=False)
    from rich.console import Console

    session = gate_state.open()
    if session is None:
        pytest.fail(f"pocketbert: {gate_state.refused}", pytrace=False)
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else nullcontext():
        try:
            return session.run(Console(stderr=True), gate_state.wanted)
        except BadInput as refused:
            pytest.exit(f"pocketbert: {refused}", returncode=pytest.ExitCode.USAGE_ERROR)


@pytest.fixture
def alone(request: pytest.FixtureRequest, gate_state: Gate, verdicts: "Verdicts") -> str:
    """The command that runs this item and no other."""
    from pocketbert.bench.gate.options import alone

    return alone(request.node, cast("Session", gate_state.session).asked.manifest)


@pytest.fixture
def weigh(request: pytest.FixtureRequest, gate_state: Gate, alone: str) -> "Iterator[Weigh]":
    """``weigh("student-int8.onnx")``: the figures of an artifact, held against the latency budgets of the test."""
    from pocketbert.bench.gate.fixtures import Weigh

    session = cast("Session", gate_state.session)
    weigh = Weigh(request.node, cast("Results", session.results), session.asked.strict, alone)
    yield weigh
    if not weigh.called and request.node.get_closest_marker("latency_budget"):
        pytest.fail("pocketbert: latency_budget: the test never called `weigh` with an artifact's id", pytrace=False)


@pytest.fixture
def gate(verdicts: "Verdicts", alone: str) -> "Judge":
    """``gate("student-int8.onnx", "size")``: the verdicts of an artifact against the baseline; fails if one fails."""
    from pocketbert.bench.gate.fixtures import Judge

    return Judge(verdicts, alone)


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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if refused := config.stash[GATE].refused:
        raise pytest.UsageError(f"pocketbert: {refused}")
    for item in items:
        if item.get_closest_marker("latency_budget") and "weigh" not in getattr(item, "fixturenames", ()):
            raise pytest.UsageError(f"pocketbert: {item.nodeid}: latency_budget needs the fixture `weigh`")


def pytest_collection_finish(session: pytest.Session) -> None:
    needed = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    specs = [item.callspec.params for item in session.items if hasattr(item, "callspec")]
    if not needed & {"weigh", "gate"}:
        wanted = {cast("Item", params["gate_item"]) for params in specs if "gate_item" in params}
        session.config.stash[GATE].wanted = wanted


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    gate = session.config.stash[GATE].session
    if gate is None or gate.results is None:
        return
    gate.write_report()
    if gate.unwritten and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The verdicts, below the tables of pytest-benchmark, so that they are what a person sees in the end."""
    session = config.stash[GATE].session
    if session is None or session.results is None:
        return
    from pocketbert.bench.report.summary import verdict_lines

    terminalreporter.section("pocketbert: verdicts")
    for line in verdict_lines(
        session.results, session.results_path, session.baseline_path if session.baseline else None
    ):
        terminalreporter.write_line(line)
    terminalreporter.write_line(session.unwritten or f"report: {session.report_path}")
