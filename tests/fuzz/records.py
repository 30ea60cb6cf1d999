"""Manifests, baselines and results files: what other machines and other people write, and pocketbert reads."""

import json
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st

from pocketbert.bench.measuring.metrics.size import measure_size
from pocketbert.bench.measuring.subject import load_rows, open_subject
from pocketbert.bench.measuring.unchanged import Unchanged
from pocketbert.bench.records.baseline import describe, diff, load_baseline, make_baseline
from pocketbert.bench.records.results import Results, load_results
from pocketbert.bench.report import comparison, page
from pocketbert.bench.report.plots import draw_all
from pocketbert.bench.report.summary import verdict_lines
from pocketbert.bench.verdicts.decide import decide
from pocketbert.bench.verdicts.items import items_of
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.manifest import inside, load_manifest
from pocketbert.compress.tasks import open_task
from tests.fuzz.damage import ODD_FILES, documents, odd_file
from tests.fuzz.harness import Kind
from tests.support.manifests import SHIPS, write_manifest
from tests.support.results import made_up_run

_SHORTEST = 3
"""Entries that are kept of a long list; the fault in the hundredth sample is the one in the third."""


class Written(NamedTuple):
    """The bytes of a file, or the name of an odd one."""

    content: bytes
    odd: str = ""


def _files(tree: Any) -> st.SearchStrategy[Written]:
    odd = st.sampled_from(ODD_FILES).map(lambda name: Written(b"", name))
    return st.integers(0, 40).flatmap(lambda n: documents(tree).map(Written) if n else odd)


def _place(folder: Path, written: Written) -> Path:
    if written.odd:
        return odd_file(folder, written.odd, ".json")
    path = folder / "given.json"
    path.write_bytes(written.content)
    return path


def _shortened(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _shortened(value) for key, value in tree.items()}
    return [_shortened(value) for value in tree[:_SHORTEST]] if isinstance(tree, list) else tree


def manifests(folder: Path) -> Kind:
    """Manifests of three small files: each is loaded, and so are its rows and its artifacts."""
    folder.mkdir()
    tree = json.loads(write_manifest(folder, SHIPS).read_text(encoding="utf-8"))
    tree["files"] = {}
    tree["artifacts"][1] |= {"inputs": {"input_ids": "input_ids"}, "bytes": 1, "made_from": "x", "sha256": None}
    for name in ("fifo", "loop", "giant", "folder", "device"):
        odd_file(folder, name, "")
    outside = folder / "outside"
    outside.mkdir()
    (outside / "link").symlink_to("/etc/passwd")

    def read(written: Written) -> None:
        path = _place(folder, written)
        manifest = load_manifest(path)
        task = open_task(manifest.task.kind, manifest.task.labels, manifest.task.max_length)
        rows = load_rows(inside(path.parent, manifest.task.test), task)
        for artifact in manifest.artifacts:
            measure_size(open_subject(artifact, manifest, path.parent, rows, Unchanged()).path)

    return Kind(1100, _files(tree), read)


def baselines(folder: Path) -> Kind:
    """Baselines: each is loaded, shown, compared, and a run is judged by it."""
    folder.mkdir()
    run = made_up_run()
    tree = make_baseline(run, None).model_dump(mode="json", by_alias=True) | {"created": run.created}
    shipped = {artifact.id: artifact.runtime for artifact in run.artifacts if artifact.role == "ship"}
    task = open_task("classification", ["neg", "pos"], 16)

    def read(written: Written) -> None:
        baseline = load_baseline(_place(folder, written))
        describe(baseline)
        diff(baseline, make_baseline(run, baseline))
        items = items_of(shipped, run.profiles, baseline, whole=True)
        decide(items, run, baseline, partial(task.drop, confidence=0.95), strict=False)

    return Kind(1100, _files(tree), read)


def results(folder: Path) -> Kind:
    """Results files: of each a page and a table are written, and it is compared with another one."""
    folder.mkdir()
    run = made_up_run()
    tree = _shortened(run.model_dump(mode="json", by_alias=True))

    def read(written: Written) -> None:
        path = _place(folder, written)
        found = load_results(path)
        page.compose(found, draw_all(found, [], folder / "pictures") if len(written.content) % 16 == 0 else [], path)
        list(verdict_lines(found, path, None))
        _either(comparison.compose, "a.json", "b.json", run, found)
        _either(make_baseline, found, None)

    return Kind(600, _files(tree), read)


def _either(call: Any, *arguments: str | Results | None) -> None:
    """Call what may refuse this file for a reason of its own."""
    try:
        call(*arguments)
    except BadInput as refused:
        assert len(str(refused)) <= 500, refused
