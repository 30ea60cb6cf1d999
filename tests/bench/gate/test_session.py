"""A gate session: which baseline, which files, what is recorded, and a disk that is full at the end."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from pocketbert.bench.gate.options import GateOptions
from pocketbert.bench.gate.session import Session
from pocketbert.bench.records.baseline import make_baseline
from pocketbert.bench.records.results import Place, Profile, Results
from pocketbert.bench.records.store import Store
from pocketbert.bench.verdicts.items import Item
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import digest, write_json
from pocketbert.compress.manifest import load_manifest
from tests.support.manifests import SHIPS, Build, write_manifest


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_manifest(tmp_path / "m", SHIPS)


def options(manifest: Path, baseline: Path | None = None, default: Path | None = None) -> GateOptions:
    folder = manifest.parents[1]
    return GateOptions(
        manifest=manifest,
        profiles=("mobile-1t",),
        baseline=baseline,
        strict=False,
        reports=folder / "reports",
        command="pytest bench",
        store=folder / "store",
        default_baseline=default,
        first_run=True,
    )


def test_a_baseline_is_the_one_asked_for_else_the_projects_else_the_recipes(
    manifest: Path, tmp_path: Path, weighed: Results
) -> None:
    assert Session(options(manifest)).baseline_path == Path("baselines/tiny.json")
    assert Session(options(manifest)).baseline is None
    with pytest.raises(BadInput, match=r"later\.json: no such baseline, which \[tool\.pocketbert\] names"):
        Session(replace(options(manifest, default=tmp_path / "later.json"), first_run=False))
    made = make_baseline(weighed, None)
    for name in ("project.json", "given.json"):
        write_json(tmp_path / name, made)
    ours = Session(options(manifest, default=tmp_path / "project.json"))
    assert (ours.baseline_path, ours.baseline) == (tmp_path / "project.json", made)
    given = Session(options(manifest, tmp_path / "given.json", tmp_path / "project.json"))
    assert given.baseline_path == tmp_path / "given.json"
    with pytest.raises(BadInput, match="no such baseline"):
        Session(replace(options(manifest, tmp_path / "none.json"), first_run=False))


def test_a_baseline_of_another_recipe_is_refused(manifest: Path, tmp_path: Path, weighed: Results) -> None:
    other = make_baseline(weighed, None).model_copy(update={"recipe": "other"})
    write_json(tmp_path / "b.json", other)
    with pytest.raises(
        BadInput, match=r"b\.json: baseline of recipe 'other', but the manifest is of recipe 'tiny'; use"
    ):
        Session(options(manifest, tmp_path / "b.json"))


def test_recorded_times_belong_to_their_item(manifest: Path, weighed: Results) -> None:
    session = Session(options(manifest))
    item = Item("latency", "small", Place("mobile-1t", "mix"))
    assert session.samples_s(item) == []
    session.results = weighed
    [entry] = [entry for entry in weighed.artifact("small").latency if entry.length == "mix"]
    assert session.samples_s(item) == [ms / 1000 for ms in entry.samples_ms]
    assert session.samples_s(Item("latency", "small", Place("mobile-1t", "7"))) == []
    assert session.samples_s(Item("latency", "gone", Place("mobile-1t", "mix"))) == []


def test_a_partial_run_has_files_of_its_own(manifest: Path, tmp_path: Path, weighed: Results) -> None:
    session = Session(options(manifest))
    session.results = weighed
    assert session.results_path == tmp_path / "reports/tiny.json"
    session.results = weighed.model_copy(update={"part": True})
    assert session.report_path == tmp_path / "reports/tiny.part.md"


def test_a_disk_that_is_full_costs_the_report_and_nothing_else(
    manifest: Path, tmp_path: Path, weighed: Results
) -> None:
    session = Session(options(manifest))
    session.results = weighed
    (tmp_path / "reports").rmdir()
    (tmp_path / "reports").touch()
    session.write_report()
    assert session.unwritten
    assert session.unwritten.startswith(f"not everything could be written to {tmp_path / 'reports'}: ")


def test_what_is_exported_goes_into_the_store(manifest: Path, tmp_path: Path, weighed: Results) -> None:
    session, store = Session(options(manifest)), Store(tmp_path / "store")
    session._keep_shipped(weighed)
    kept = {name: store.find(digest(manifest.with_name(name))) for name in ("small.onnx", "tokenizer.json")}
    assert all(kept.values())
    assert store.find(digest(manifest.with_name("reference.onnx"))) is None


def test_a_reference_of_another_platform_is_refused(manifest: Path) -> None:
    content = json.loads(manifest.read_text())
    content["artifacts"][0]["runtime"] = "coreml"
    manifest.write_text(json.dumps(content))
    with pytest.raises(BadInput, match="reference: coreml does not run here; use one of: torch, onnxruntime"):
        Session(options(manifest))


def test_a_profile_that_this_machine_lacks_is_refused_as_the_only_one(
    manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = Profile(name="mobile-9t", threads=9, lengths=["128"], skipped="needs 9 cores, this process may use 2")
    monkeypatch.setattr("pocketbert.bench.gate.session.load_profiles", lambda names: [lacking])
    with pytest.raises(BadInput, match=r"no profile can be measured here: mobile-9t needs 9 cores.*; choose others"):
        Session(options(manifest))
    monkeypatch.setattr("pocketbert.bench.gate.session.can_pin", lambda: False)
    assert Session(options(manifest)).items, "no machine like this one measures latency"


@pytest.mark.parametrize("texts", [False, True])
def test_flips_are_against_the_baseline_and_have_texts_only_on_request(
    manifest: Path, tmp_path: Path, weighed: Results, texts: bool
) -> None:
    write_manifest(manifest.parent, SHIPS | {"small": Build(blind=0.3)})
    write_json(tmp_path / "b.json", make_baseline(weighed, None))
    session = Session(replace(options(manifest, tmp_path / "b.json"), show_texts=texts))
    session.run(Console(quiet=True), {item for item in session.items if item.metric == "accuracy"})
    assert session.results is not None
    [small] = [flips for flips in session.results.flips if flips.artifact == "small"]
    assert (small.against, small.won) == ("the baseline", 0)
    assert small.lost > 0
    assert any(row.text for row in small.lost_rows) is texts


def test_what_is_exported_stays_where_baselines_fill_the_store(
    manifest: Path, tmp_path: Path, weighed: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the project's own baseline, too, when another one was asked for."""
    monkeypatch.setattr(Store.prune, "__defaults__", (0, *(Store.prune.__defaults__ or ())[1:]))
    store = Store(tmp_path / "store")
    for name in ("old", "project"):
        (tmp_path / name).write_text(name)
        store.put(tmp_path / name)
    shipped = {a.id: digest(manifest.parent / a.path) for a in load_manifest(manifest).artifacts if a.role == "ship"}
    results = weighed.model_copy(
        update={"artifacts": [a.model_copy(update={"sha256": shipped.get(a.id, a.sha256)}) for a in weighed.artifacts]}
    )
    made = make_baseline(results, None)
    entry = made.artifacts["small"].model_copy(update={"sha256": digest(tmp_path / "project")})
    elsewhere = {name: each.model_copy(update={"sha256": "1" * 64}) for name, each in made.artifacts.items()}
    write_json(tmp_path / "given.json", made.model_copy(update={"artifacts": elsewhere}))
    write_json(tmp_path / "project.json", made.model_copy(update={"artifacts": {"small": entry}}))
    session = Session(options(manifest, tmp_path / "given.json", tmp_path / "project.json"))
    session._keep_shipped(results)
    assert all(store.find(sha256) for sha256 in (*shipped.values(), digest(tmp_path / "project")))
    assert store.find(digest(tmp_path / "old")) is None


def test_an_interruption_while_evidence_is_collected_loses_no_figure(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> list[object]:
        raise KeyboardInterrupt

    monkeypatch.setattr("pocketbert.bench.gate.session.explain", interrupted)
    session = Session(options(manifest))
    with pytest.raises(KeyboardInterrupt):
        session.run(Console(quiet=True), {item for item in session.items if item.metric == "size"})
    assert session.results and session.results.verdicts
    assert session.results_path.is_file()
    assert Store(tmp_path / "store").find(digest(manifest.with_name("small.onnx")))
