"""Baselines, results and smaller files: what other machines and other people write, and pocketbert reads."""

import json
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from pocketbert.bench.gate.baseline import added_up, open_baseline
from pocketbert.bench.gate.options import GateOptions
from pocketbert.bench.gate.project import load_project
from pocketbert.bench.records import history
from pocketbert.bench.records.baseline import Baseline, describe, diff, load_baseline, make_baseline
from pocketbert.bench.records.phone import join
from pocketbert.bench.records.pins import pins_of, protected
from pocketbert.bench.records.results import OnPhone, Paired, Results, load_results
from pocketbert.bench.report import comparison, html, page, pull_request
from pocketbert.bench.report.page import write_report
from pocketbert.bench.report.summary import verdict_lines
from pocketbert.bench.stats.intervals import Interval
from pocketbert.bench.verdicts.budget import Budget, check
from pocketbert.bench.verdicts.decide import decide
from pocketbert.bench.verdicts.items import items_of
from pocketbert.compress.base.errors import LONGEST, BadInput
from pocketbert.compress.base.files import write_json
from pocketbert.compress.pipeline.shipping.sample import read_texts
from pocketbert.compress.tasks import open_task
from tests.fuzz.allowed import allowed_trees, mostly_allowed, spelled
from tests.fuzz.damage import TEXTS, damaged, documents
from tests.fuzz.harness import Kind
from tests.fuzz.manifests import Written, files, placed
from tests.fuzz.recipes import VALUES
from tests.support.results import INT8, made_up_run, slower

_SHORTEST = 3
"""Entries that are kept of a long list; the fault in the hundredth sample is the one in the third."""
_WITH_PICTURES = 24
"""One of so many results files is drawn: pictures take seconds."""


def _shortened(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _shortened(value) for key, value in tree.items()}
    return [_shortened(value) for value in tree[:_SHORTEST]] if isinstance(tree, list) else tree


def _small(run: Results) -> dict[str, Any]:
    """Return a run as JSON, its lists shortened; the outcomes still fit their rows."""
    tree: dict[str, Any] = _shortened(run.model_dump(mode="json", by_alias=True))
    for artifact in tree["artifacts"]:
        artifact["accuracy"] |= {"rows": 12, "correct": "fff0", "test_sha256": "1" * 64}
    tree["artifacts"][-1]["role"] = "ship"
    return tree


def _runs() -> list[Results]:
    """Return runs that a baseline may meet: faster, slower, timed in pairs, in part, elsewhere, without figures."""
    run = made_up_run()
    last, others = run.artifacts[-1], run.artifacts[:-1]
    machine = run.machine.model_copy(update={"fingerprint": "00000000", "cores": 8, "versions": {"torch": "9"}})
    change = Interval(estimate=0.1, low=0.05, high=0.2)
    paired = Paired(
        artifact=INT8, profile="mobile-1t", length="128", against="0" * 64, outcome="regressed", change=change,
        change_p90=change, limit=0.03, logs=[0.1], logs_p90=[0.1], preempted=0, seconds=1,
    )  # fmt: skip
    bare = {"accuracy": None, "memory": None, "size": None, "latency": []}
    changed: list[dict[str, Any]] = [
        {},
        {"artifacts": [*others, slower(run, 1.1)]},
        {"artifacts": [*others, slower(run, 1e20)]},
        {"paired": [paired]},
        {"same_file": [INT8]},
        {"machine": machine},
        {"artifacts": others},
        {"artifacts": [*others, last.model_copy(update=bare)]},
        {"artifacts": [others[0].model_copy(update=bare), *others[1:], last]},
        {"part": True},
        {"profiles": []},
        {"max_drop": 0.0, "confidence": 0.999999},
    ]
    return [run.model_copy(update=update) for update in changed]


def baselines(folder: Path) -> Kind:
    """Baselines: each is loaded, shown, compared, updated, and a run is judged by it."""
    folder.mkdir()
    runs = _runs()
    tree = make_baseline(runs[0], None).model_dump(mode="json", by_alias=True) | {"created": runs[0].created}
    if "updates" in tree:
        tree["updates"] = [{"was": "2026", "latency": {INT8: {"mobile-1t/128": 1.02}}}]
    pinned = folder / "baselines/pinned/v1/offline.json"
    write_json(pinned, make_baseline(runs[0], None))
    task = open_task("classification", ["neg", "pos"], 16)

    def read(written: Written) -> tuple[Path, Baseline, Results]:
        path = placed(folder, written)
        return path, load_baseline(path), runs[written.number % len(runs)]

    def judge(given: tuple[Path, Baseline, Results]) -> None:
        path, baseline, run = given
        describe(baseline)
        for one, other in ((runs[0], baseline), (run, baseline)):
            _either(lambda one=one, other=other: diff(other, make_baseline(one, other)))
        options = GateOptions(
            manifest=path, profiles=(), baseline=path, strict=False, reports=folder, command="pytest",
            baselines=folder / "baselines",
        )  # fmt: skip
        _either(lambda: open_baseline(options, baseline.recipe))
        _either(lambda: open_baseline(options, "offline"))
        since = added_up(options, baseline.recipe, baseline)
        list(pins_of(options.baselines, baseline.recipe))
        assert protected(options.baselines, path)
        shipped = {artifact.id: artifact.runtime for artifact in run.artifacts if artifact.role == "ship"}
        for whole, strict in product((True, False), repeat=2):
            items = items_of(shipped, run.profiles, baseline, whole)
            drop = partial(task.drop, confidence=run.confidence)
            verdicts = decide(items, run, baseline, drop, strict)
        judged = run.model_copy(update={"verdicts": verdicts, "since": since, "baseline": str(path)})
        list(verdict_lines(judged, path, path))
        page.compose(judged, [], path)

    return Kind(1100, files(mostly_allowed(Baseline, tree, documents(tree))), read, judge, home=folder)


def results(folder: Path) -> Kind:
    """Results files: each is reported, compared, judged, made the baseline and put into the history."""
    folder.mkdir()
    run = made_up_run()
    tree = _small(run)
    baseline = make_baseline(run, None)
    task = open_task("classification", ["neg", "pos"], 16)

    def read(written: Written) -> tuple[Path, Results, int]:
        path = placed(folder, written)
        return path, load_results(path), written.number

    def report(given: tuple[Path, Results, int]) -> None:
        path, found, number = given
        if number % _WITH_PICTURES != 7:
            page.compose(found, [], path)
            pull_request.compose(found, path)
            html.compose(found, [])
        else:
            write_report(found, folder / f"{found.name}.json")
        list(verdict_lines(found, path, None))
        for one, other in ((run, found), (found, run), (found, found)):
            _either(
                lambda one=one, other=other: comparison.write_comparison(
                    folder / "a.json", folder / "b.json", one, other
                )
            )
        _either(lambda: write_json(folder / "baselines" / f"{found.recipe}.json", make_baseline(found, baseline)))
        _either(lambda: diff(baseline, make_baseline(found, None)))
        past = history.path_of(folder, found.recipe)
        if number % 8 == 0:
            past.unlink(missing_ok=True)
        history.append(past, found, baseline.created)
        shipped = {artifact.id: artifact.runtime for artifact in found.artifacts if artifact.role == "ship"}
        items = items_of(shipped, found.profiles, baseline, whole=True)
        drop = partial(task.drop, confidence=found.confidence)
        _either(lambda: decide(items, found, baseline, drop, strict=False))
        for artifact in found.artifacts:
            _either(lambda artifact=artifact: check(Budget(ratio=0.5), artifact, found))
            _either(lambda artifact=artifact: check(Budget(p50_ms=5), artifact, found))

    return Kind(600, files(mostly_allowed(Results, tree, documents(tree))), read, report, home=folder)


_PHONE = {
    "device": "Pixel 8", "artifact": INT8, "length": "128", "p50_ms": 9.4, "p90_ms": 11.2, "threads": 4, "runs": 200,
    "peak_mib": 81.5, "sha256": "0" * 64, "note": "battery",
}  # fmt: skip
_PROJECT = {
    "manifest": '"a/manifest.json"', "baseline": '"b.json"', "reports": '"reports"', "store": '"s"',
    "profiles": '["cpu"]', "budget": "60.0", "strict": "true",
}  # fmt: skip


@st.composite
def _projects(draw: st.DrawFn) -> bytes:
    """Draw a pyproject.toml with our section, most of it right."""
    keys = {key: value for key, value in _PROJECT.items() if draw(st.booleans())}
    if draw(st.booleans()):
        keys[draw(st.sampled_from((*_PROJECT, "zzz")))] = draw(VALUES)
    head = draw(
        st.sampled_from(("[tool.pocketbert]",) * 8 + ("tool = 1", "[tool]\npocketbert = 1", "[[tool.pocketbert]]", ""))
    )
    return "\n".join([head, *(f"{key} = {value}" for key, value in keys.items())]).encode("utf-8", "surrogatepass")


@st.composite
def _tables(draw: st.DrawFn) -> bytes:
    """Draw a CSV of figures from a device, most of it right."""
    row = draw(allowed_trees(OnPhone, _PHONE))
    more = draw(st.dictionaries(st.sampled_from((*_PHONE, "x")), st.sampled_from(TEXTS) | st.integers(), max_size=1))
    row = {key: value for key, value in (row | more).items() if value is not None}
    text = ",".join(row) + "\n" + ",".join(str(value) for value in row.values()) + "\n"
    return text.encode("utf-8", "surrogatepass")


def others(folder: Path) -> Kind:
    """Files beside these: figures from a device, a project's settings, a history, and texts to compare on."""
    folder.mkdir()
    run = made_up_run()
    path = folder / "offline.history.jsonl"
    history.append(path, run, None)
    record = json.loads(path.read_bytes())
    earlier = json.dumps(record | {"commit": "0123456"}).encode() + b"\n"
    device = {"device": "Pixel 8", "figures": [{key: value for key, value in _PHONE.items() if key != "device"}]}
    right = {**_PHONE, "sha256": run.artifact(INT8).sha256}
    figures = spelled(allowed_trees(OnPhone, right).map(lambda figure: {"figures": [figure]}))
    inputs = st.one_of(
        st.tuples(st.just("phone.json"), figures | documents(device)),
        st.tuples(st.just("phone.csv"), _tables() | damaged(b"device,artifact,length,p50_ms\nP,a,128,9\n")),
        st.tuples(st.just("pyproject.toml"), _projects() | _projects().flatmap(damaged)),
        st.tuples(st.just("offline.history.jsonl"), mostly_allowed(history.Record, record, documents(record))),
        st.tuples(
            st.just("texts.txt"), st.text().map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary()
        ),
    )

    def read(given: tuple[str, bytes]) -> tuple[str, Any]:
        name, content = given
        place = folder / name
        place.write_bytes(earlier + content if place == path else content)
        readers: dict[str, Callable[[], Any]] = {
            "pyproject.toml": lambda: load_project(folder),
            "offline.history.jsonl": lambda: history.load(place),
            "texts.txt": lambda: read_texts(place, pairs=len(content) % 2 > 0),
        }
        found = readers[name]() if name in readers else join(run, place)
        (folder / "pyproject.toml").unlink(missing_ok=True)
        return name, found

    def use(given: tuple[str, Any]) -> None:
        name, found = given
        if name.startswith("phone"):
            page.compose(found, [], folder / "offline.json")
        elif name.startswith("offline"):
            history.usage(folder)
            history.prune(path)
            html.compose(run, found)

    return Kind(400, inputs, read, use, home=folder)


def _either(call: Callable[[], object]) -> None:
    """Call what may refuse this file for a reason of its own."""
    try:
        call()
    except BadInput as refused:
        assert len(str(refused)) <= LONGEST, refused
