"""The pytest plugin: options, fixtures, the one measurement of a session, and the table of verdicts.

Every pytest run on this machine loads it, so it imports nothing but pytest until a gate item is collected.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, cast

import pytest

from pocketbert.bench.gate import hookspec, selection
from pocketbert.bench.gate.options import OPTIONS, read, rerun_command
from pocketbert.compress.base.errors import BadInput, MachineFailed

if TYPE_CHECKING:
    from pocketbert.bench.gate.fixtures import Compare, Measure
    from pocketbert.bench.gate.session import Session
    from pocketbert.bench.records.results import Results, Verdict
    from pocketbert.bench.verdicts.items import Item

    Verdicts = dict[Item, Verdict]

ALONE = "several pytest processes would time each other: leave out -n (pytest-xdist)"
_LAST_FAILED = "--lf takes items away from the gate: select with -k, -m or node ids"
_TESTS = Path(__file__).with_name("test_gate.py").resolve()
_TESTS_NAME = f"{__package__}.{_TESTS.stem}"
_FOLDERS = {folder.name: folder for folder in _TESTS.parents[:2]}
"""Name -> path, of the folders that hold the tests."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(hookspec)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("pocketbert", "pocketbert's gate (pytest bench)")
    for flag, metavar, kind, words in OPTIONS.values():
        group.addoption(
            flag, help=words, **({"metavar": metavar, "type": kind} if metavar else {"action": "store_true"})
        )


class Gate:
    """The state of one pytest session; `open` starts it when the first gate item is collected."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.session: Session | None = None
        self.refused: BadInput | MachineFailed | None = None
        self.selected: set[Item] = set()  # by -k, -m and node ids, whatever else takes items away
        self.judged: set[Item] = set()  # by the fixture `pocketbert_gate`
        self.verdicts: Verdicts = {}
        self.wanted: set[Item] | None = None  # what is measured and judged; None: all items
        self.ran = False  # the tests, rather than `--collect-only` and the like
        self.forced = ""  # why the exit code is 1 although no test failed

    def open(self) -> "Session | None":
        """Read and check the options. A refusal or failure is kept in `refused` and reported after the collection."""
        if self.session is None and self.refused is None:
            from pocketbert.bench.gate.session import Session
            from pocketbert.compress.base.failures import ERROR_LOG, failures_logged

            try:
                with failures_logged(ERROR_LOG):
                    self.session = Session(read(self._config), self._config)
            except (BadInput, MachineFailed) as refused:
                self.refused = refused
        return self.session

    def alone(self, item: pytest.Item) -> str:
        """Return the command that runs this item alone."""
        return rerun_command(item, cast("Session", self.session).options.manifest)

    def unjudged(self) -> str:
        """Return why the run must not pass although no test failed, in one line; empty if it may pass."""
        if self.verdicts:
            failing = sum(self.verdicts[item].fails for item in self.selected | self.judged)
            left = (
                f"failing verdicts: {failing}, failing items: none; items were skipped, deselected or expected to fail"
            )
            return left if failing else ""
        if not self.ran:
            return ""
        if self.session is None:
            if any(_is_gate(self._config, arg) for arg in self._config.args):
                return "nothing was measured: the gate's tests were not collected, perhaps because of --ignore"
            return ""
        if self.selected:
            return f"nothing was measured: none of {len(self.selected)} selected items of the gate was run"
        named = any(_is_gate(self._config, arg) for arg in self._config.invocation_params.args)
        return (
            f"nothing was measured: -k, -m and node ids leave none of {len(self.session.items)} items" if named else ""
        )


GATE = pytest.StashKey[Gate]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[GATE] = Gate(config)
    config.addinivalue_line(
        "markers",
        "latency_budget(ratio, of, p50_ms, profile): pocketbert: how slow an artifact may be, compared by its interval "
        "when the test calls the fixture `pocketbert_measure` with its id",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    config = session.config
    if not any(_is_gate(config, arg) for arg in config.args):
        return
    if config.getoption("dist", "no") != "no":
        raise pytest.UsageError(f"pocketbert: {ALONE}")
    if config.getoption("lf", False):
        raise pytest.UsageError(f"pocketbert: {_LAST_FAILED}")


def _is_gate(config: pytest.Config, arg: object) -> bool:
    """Return whether an argument of pytest names the gate's tests or a package around them, as a path or a package."""
    name = str(arg).split("::")[0]
    package = config.getoption("pyargs") and f"{_TESTS_NAME}.".startswith(f"{name}.")
    return package or (config.invocation_params.dir / name).resolve() in (_TESTS, *_TESTS.parents[:2])


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Register the markers of the gate's tests before pytest imports them; no other pytest run sees these markers.

    In a checkout pytest would import them as `bench.gate.test_gate`, which fails beside a user's own package `bench`.
    """
    if module_path.parts[-3:] != _TESTS.parts[-3:]:  # those of a checkout as well, where the plugin is a wheel's
        return None
    from pocketbert.bench.records.results import METRICS

    for metric in METRICS:
        parent.config.addinivalue_line("markers", f"{metric}: pocketbert's gate on {metric}")
    if module_path.resolve() != _TESTS:
        return None
    module: pytest.Module = pytest.Module.from_parent(parent, path=module_path)
    module.obj = import_module(_TESTS_NAME)
    return module


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Dir | None:
    """Collect the gate's folders as plain ones: of a package, pytest imports its `__init__` by the name `bench`."""
    if path.name in _FOLDERS and path.resolve() in _FOLDERS.values():
        return pytest.Dir.from_parent(parent, path=path)
    return None


@pytest.fixture(scope="session")
def _pocketbert_verdicts(pytestconfig: pytest.Config) -> "Verdicts":
    """Measure what the collected items need, once; return the verdict on every gate item."""
    if hasattr(pytestconfig, "workerinput"):
        pytest.fail(f"pocketbert: {ALONE}", pytrace=False)
    from rich.console import Console

    gate = pytestconfig.stash[GATE]
    session = gate.open()
    if isinstance(gate.refused, MachineFailed):
        _exit(gate.refused)
    if session is None:
        pytest.fail(f"pocketbert: {gate.refused}", pytrace=False)
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else nullcontext():
        try:
            with ended_in_one_line():
                gate.verdicts = session.run(Console(stderr=True), gate.wanted)
            return gate.verdicts
        except BadInput as refused:
            pytest.exit(f"pocketbert: {refused}", returncode=pytest.ExitCode.USAGE_ERROR)


def _exit(failed: MachineFailed) -> NoReturn:
    pytest.exit(f"pocketbert: {failed}", returncode=pytest.ExitCode.INTERNAL_ERROR)


@contextmanager
def ended_in_one_line() -> Iterator[None]:
    """End pytest with one line when a signal asks for it, or the machine or a library fails.

    This holds after the tests, too, where pytest itself would not do so.
    """
    from pocketbert.compress.base.failures import ERROR_LOG, failures_logged
    from pocketbert.compress.base.processes import Terminated, termination_raised

    try:
        with termination_raised(), failures_logged(ERROR_LOG):
            yield
    except MachineFailed as failed:
        _exit(failed)
    except Terminated as ended:
        pytest.exit("pocketbert: terminated", returncode=128 + ended.signal)
    except KeyboardInterrupt:
        pytest.exit("pocketbert: interrupted", returncode=pytest.ExitCode.INTERRUPTED)


@pytest.fixture
def pocketbert_measure(request: pytest.FixtureRequest, _pocketbert_verdicts: "Verdicts") -> "Iterator[Measure]":
    """``pocketbert_measure("student-int8.onnx")``: the figures of an artifact, within the test's latency budgets."""
    from pocketbert.bench.gate.fixtures import Measure

    gate = request.config.stash[GATE]
    session = cast("Session", gate.session)
    measure = Measure(request.node, cast("Results", session.results), session.options.strict, gate.alone(request.node))
    yield measure
    if not measure.called and request.node.get_closest_marker("latency_budget"):
        pytest.fail(
            "pocketbert: latency_budget: the test never called `pocketbert_measure` with an artifact's id",
            pytrace=False,
        )


@pytest.fixture
def pocketbert_gate(request: pytest.FixtureRequest, _pocketbert_verdicts: "Verdicts") -> "Compare":
    """``pocketbert_gate("student-int8.onnx", "size")``: the verdicts on an artifact; the test fails if one fails."""
    from pocketbert.bench.gate.fixtures import Compare

    gate = request.config.stash[GATE]
    return Compare(_pocketbert_verdicts, gate.alone(request.node), gate.judged)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None]:
    gate = config.stash[GATE]
    if isinstance(gate.refused, MachineFailed):
        _exit(gate.refused)
    if gate.refused:
        raise pytest.UsageError(f"pocketbert: {gate.refused}")
    for item in items:
        if item.get_closest_marker("latency_budget") and "pocketbert_measure" not in getattr(item, "fixturenames", ()):
            raise pytest.UsageError(f"pocketbert: {item.nodeid}: latency_budget needs the fixture `pocketbert_measure`")
    collected = selection.gate_items(items)
    if gate.session:
        selection.check_complete(config, collected.values(), gate.session.items)
    yield
    if collected:
        left = {*selection.selected(config, collected), *items}
        gate.selected = {quantity for item, quantity in collected.items() if item in left}


def pytest_collection_finish(session: pytest.Session) -> None:
    gate = session.config.stash[GATE]
    needed = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    if not needed & {"pocketbert_measure", "pocketbert_gate"}:
        gate.wanted = gate.selected


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    session.config.stash[GATE].ran = not session.config.option.collectonly


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write the report; let the exit code follow the verdicts, whatever became of their items."""
    gate = session.config.stash[GATE]
    if gate.session and gate.session.results:
        with ended_in_one_line():
            gate.session.write_report()
    if exitstatus == pytest.ExitCode.OK:
        gate.forced = gate.unjudged()
        if gate.forced:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        elif gate.session and gate.session.unwritten:
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the verdicts below the tables of pytest-benchmark, where a user looks first."""
    gate = config.stash[GATE]
    if gate.forced:
        terminalreporter.section("pocketbert: the gate fails", red=True)
        terminalreporter.write_line(f"exit code 1: {gate.forced}")
    session = gate.session
    if session is None or session.results is None:
        return
    from pocketbert.bench.report.summary import verdict_lines

    terminalreporter.section("pocketbert: verdicts")
    for line in verdict_lines(
        session.results, session.results_path, session.baseline_path if session.baseline else None
    ):
        terminalreporter.write_line(line.text, **({line.colour: True} if line.colour else {}))
    if unasked := sum(gate.verdicts[item].fails for item in gate.verdicts.keys() - gate.selected - gate.judged):
        terminalreporter.write_line(f"failing verdicts that no test of this run asks for: {unasked}")
    if gate.wanted is not None and (left_out := len(session.items) - len(gate.wanted)):
        every = len(session.items)
        terminalreporter.write_line(
            f"{left_out} of {every} items left out by -k, -m or node ids: neither measured nor compared"
        )
    terminalreporter.write_line(session.unwritten or f"report: {session.report_path}")
