"""docs/extending.md: files and registries that it names exist, and its code has the signatures of ours."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

from pocketbert.bench.gate import hookspec
from pocketbert.bench.gate.hooks import call_hooks
from pocketbert.compress.manifest import load_manifest
from tests.support import REPO
from tests.support.manifests import PLAIN, PLUGIN, write_manifest
from tests.support.pages import blocks

pytest_plugins = "pytester"
PAGE = REPO / "docs/extending.md"
ROWS = re.findall(r"^\| ([^|]+) \| `([^`]+)` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
EXAMPLES = {
    "run": "compress/stages/prune_vocab.py",
    "huber": "compress/training/losses/feature_map_transfer.py",
    "export": "compress/exports/onnx.py",
    "open_session": "compress/runtimes/onnxruntime.py",
    "tensors": "bench/workers/inside/onnxruntime.py",
    "profile": "bench/workers/inside/onnxruntime.py",
    "load": "compress/data/builtin/reviews.py",
    "find": "bench/verdicts/why/libraries.py",
    "draw": "bench/report/plots/size.py",
    **{name: "bench/gate/hookspec.py" for name in vars(hookspec) if name.startswith("pytest_")},
}
"""Function of the page -> a file of ours with one of the same kind."""


def functions(source: str) -> dict[str, list[str]]:
    """Name -> parameters without a default, of every function at the top."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            names = [argument.arg for argument in node.args.args]
            found[node.name] = names[: len(names) - len(node.args.defaults)]
    return found


SHOWN = {name: names for block in blocks(PAGE, "python") for name, names in functions(block).items()}


@pytest.mark.parametrize(("plug_in", "file", "registry"), ROWS)
def test_a_plug_in_goes_into_a_folder_and_a_registry_that_exist(plug_in: str, file: str, registry: str) -> None:
    assert (REPO / file).parent.is_dir(), plug_in
    if registry.startswith("none: "):
        return
    named = re.fullmatch(r"`([A-Z_]+)` in `([\w/]+)\.py`", registry)
    assert named, registry
    module = import_module(f"pocketbert.{named[2].removesuffix('/__init__').replace('/', '.')}")
    assert hasattr(module, named[1]), registry


def test_the_table_and_the_code_cover_every_kind() -> None:
    assert len(ROWS) == 10
    assert SHOWN.keys() == EXAMPLES.keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_code_of_the_page_has_the_signature_of_ours(name: str) -> None:
    ours = functions((REPO / EXAMPLES[name]).read_text(encoding="utf-8"))
    # A loss has the name of its file.
    assert SHOWN[name] == ours[Path(EXAMPLES[name]).stem if name == "huber" else name]


def test_the_hooks_of_the_page_are_called(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = [block for block in blocks(PAGE, "python") if "def pytest_pocketbert_" in block]
    pytester.makeconftest("\n\n".join(["import gzip, os", *shown]))
    manifest = write_manifest(pytester.path / "m", {"small": PLAIN})
    monkeypatch.setenv("CI_COMMIT_SHA", "c0ffee")
    found = call_hooks(pytester.parseconfigure(*PLUGIN, "."), load_manifest(manifest), manifest.parent)
    assert found["commit"] == "c0ffee"
    assert found["machine_info"]["cooling"] == "fan"
    assert set(found["figures"]) == {"reference", "small"}
    assert 100 < found["figures"]["small"]["gzip_bytes"] < manifest.with_name("small.onnx").stat().st_size
