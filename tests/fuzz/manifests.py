"""Manifests: each is read, and all that a gate run does with it before it starts a process."""

import json
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from rich.console import Console

from pocketbert.bench.gate.options import GateOptions
from pocketbert.bench.gate.session import Session
from pocketbert.bench.measuring.measure import Measurement
from pocketbert.bench.measuring.progress import Bar
from pocketbert.bench.measuring.setup import Needed
from pocketbert.bench.measuring.subject import ScoredRows, load_rows, open_subject
from pocketbert.bench.measuring.unchanged import Unchanged
from pocketbert.bench.records.outcomes import pack
from pocketbert.bench.records.results import Accuracy
from pocketbert.bench.report import page
from pocketbert.bench.report.summary import verdict_lines
from pocketbert.bench.verdicts.decide import decide
from pocketbert.bench.verdicts.items import narrow
from pocketbert.compress.base.files import digest
from pocketbert.compress.manifest import Manifest, inside, load_manifest
from pocketbert.compress.tasks import Task, open_task
from tests.fuzz.allowed import allowed_trees, mostly_allowed, spelled
from tests.fuzz.damage import ODD_FILES, PICKS, documents, odd_file
from tests.fuzz.harness import Kind
from tests.support.manifests import SHIPS, write_manifest

_ROWS = 12
_SPELLINGS = ("{}", "./{}", "data/../{}", "././{}", "data/.././{}")


class Written(NamedTuple):
    """The bytes of a file, or the name of an odd one in its place; and a number that chooses what it is used with."""

    content: bytes
    odd: str = ""
    number: int = 0


def files(documents: st.SearchStrategy[bytes]) -> st.SearchStrategy[Written]:
    """Draw files with these contents, and now and then an odd one."""
    odd = st.sampled_from(ODD_FILES).map(lambda name: Written(b"", name))
    whole = st.builds(Written, documents, st.just(""), st.integers(0, 2**16))
    return st.integers(0, 60).flatmap(lambda n: whole if n else odd)


def placed(folder: Path, written: Written) -> Path:
    """Write the file, or return the path of the odd one."""
    if written.odd:
        return odd_file(folder, written.odd, ".json")
    path = folder / "given.json"
    path.write_bytes(written.content)
    return path


@st.composite
def _consistent(draw: st.DrawFn, tree: dict[str, Any]) -> dict[str, Any]:
    """Draw manifests with changes that hang together: names, paths, digests, copies, other runtimes and tasks."""
    tree = json.loads(json.dumps(tree))
    pick = draw(PICKS)
    for _ in range(pick.choice((1, 1, 2, 3))):
        artifact = pick.choice(tree["artifacts"])
        match pick.choice(
            ("id", "path", "copy", "runtime", "labels", "length", "order", "digest", "zeros", "reference")
        ):
            case "id":
                new = pick.choice(
                    ("a b", "字", "x" * 300, "a/b", "<b>x</b>", "[x](y)", "-k", "a.b.c", "student-int8.onnx")
                )
                if new not in [each["id"] for each in tree["artifacts"]]:
                    tree["reference"] = new if tree["reference"] == artifact["id"] else tree["reference"]
                    for each in tree["artifacts"]:
                        each |= {"dense": new} if each.get("dense") == artifact["id"] else {}
                    artifact["id"] = new
            case "path":
                key = pick.choice(("path", "tokenizer"))
                artifact[key] = pick.choice(_SPELLINGS).format(artifact[key])
                artifact.pop("sha256", None)
            case "copy":
                tree["artifacts"].append(artifact | {"id": f"copy-{len(tree['artifacts'])}"})
            case "runtime":
                artifact["runtime"] = pick.choice(("onnxruntime", "executorch", "coreml", "onnxruntime"))
            case "labels":
                tree["task"]["labels"] = pick.choice(
                    (["neg", "pos", "x"], ["a", "b"], ["|", "`"], ["0", "1"], ["pos", "neg"])
                )
            case "length":
                tree["task"]["max_length"] = pick.choice((3, 4, 5, 64, 512, 10**6, 2**31))
            case "order":
                pick.shuffle(tree["artifacts"])
            case "digest":
                tree["files"] = {} if tree["files"] else {"tokenizer.json": pick.choice(("{tokenizer}", "{TOKENIZER}"))}
            case "zeros":
                if artifact["id"] != tree["reference"]:
                    artifact |= {
                        "role": "stage",
                        "dense": tree["reference"],
                        "dense_deflated_bytes": pick.choice((0, 1, -1)),
                    }
            case _:
                tree["reference"] = artifact["id"]
    return tree


def manifests(folder: Path) -> Kind:
    """Manifests of three small files, mostly allowed ones."""
    folder.mkdir()
    tree = json.loads(write_manifest(folder, SHIPS).read_text(encoding="utf-8"))
    _shorten(folder / tree["task"]["test"])
    tree["files"] = {}
    right = json.loads(json.dumps(tree))
    tree["artifacts"][1] |= {"inputs": {"input_ids": "input_ids"}, "bytes": 1, "made_from": "x", "sha256": None}
    for name in ("fifo", "loop", "giant", "folder", "device"):
        odd_file(folder, name, "")
    outside = folder / "outside"
    outside.mkdir()
    (outside / "link").symlink_to("/etc/passwd")
    tokenizer = digest(folder / "tokenizer.json").encode()

    def read(written: Written) -> tuple[Path, Manifest]:
        content = written.content.replace(b"{tokenizer}", tokenizer).replace(b"{TOKENIZER}", tokenizer.upper())
        path = placed(folder, written._replace(content=content))
        return path, load_manifest(path)

    made = _consistent(right)
    together = spelled(made) | spelled(made.flatmap(lambda tree: allowed_trees(Manifest, tree)))
    alone = mostly_allowed(Manifest, right, documents(tree))
    allowed = st.integers(0, 19).flatmap(lambda n: together if n < 4 else alone)
    return Kind(1100, files(allowed), read, _collect, home=folder)


def _shorten(test: Path) -> None:
    lines = test.read_text(encoding="utf-8").split("\n")
    test.write_text("\n".join([*lines[:_ROWS], ""]), encoding="utf-8")


def _collect(given: tuple[Path, Manifest]) -> None:
    """Collect the gate's items, open tokenizers, tokenize the rows, measure sizes, judge and report."""
    path, manifest = given
    folder = path.parent
    options = GateOptions(
        manifest=path, profiles=("mobile-1t",), baseline=None, strict=False, reports=folder / "reports",
        command="pytest", store=folder / "store", baselines=folder / "baselines", first_run=True,
    )  # fmt: skip
    session = Session(options)
    names = [str(item) for item in session.items]
    assert len(names) >= len({artifact.id for artifact in manifest.artifacts if artifact.role == "ship"})
    task = open_task(manifest.task.kind, manifest.task.labels, manifest.task.max_length)
    rows = load_rows(inside(folder, manifest.task.test), task)
    narrow(session.manifest, session.profiles, session.items[:1])
    for artifact in manifest.artifacts:
        subject = open_subject(artifact, manifest, folder, rows, Unchanged())
        assert 0 <= subject.unknown_share <= 1
        for length in ("mix", "32"):
            subject.requests(length)
    bar = Bar(Console(quiet=True))
    needed = Needed(session.manifest, session.profiles, ("size",))
    measurement = Measurement(needed, folder, rows, options.command, bar)
    measurement._setup.reference.accuracy = _scored(task, rows)
    results = measurement.run()
    verdicts = decide(session.items, results, None, partial(task.drop, confidence=manifest.confidence), strict=False)
    results = results.model_copy(update={"verdicts": verdicts})
    list(verdict_lines(results, path, None))
    page.compose(results, [], path)


def _scored(task: Task, rows: ScoredRows) -> Accuracy:
    """Return the scores of a reference that predicts one label everywhere."""
    count = sum(map(len, rows.gold)) if task.token_level else len(rows)
    logits = np.zeros((count, len(task.labels)), dtype=np.float32)
    scores = task.scores(logits, rows.gold)
    outcomes = pack(task.outcomes(logits, rows.gold))
    return Accuracy(
        metric=task.metric, value=scores[task.metric], scores=scores, rows=len(rows), drop=None,
        test_sha256=rows.sha256, **outcomes,
    )  # fmt: skip
