"""The hooks of `pocketbert.bench.gate.hookspec`, in a project's conftest.py."""

from pathlib import Path
from typing import Any

import pytest

from pocketbert.bench.gate.hooks import call_hooks
from pocketbert.bench.records.results import load_results
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.manifest import load_manifest
from tests.support.manifests import PLAIN, PLUGIN, Run, write_manifest

pytest_plugins = "pytester"


@pytest.fixture
def manifest(pytester: pytest.Pytester) -> Path:
    return write_manifest(pytester.path / "m", {"small": PLAIN})


def called(pytester: pytest.Pytester, manifest: Path, folder: str = ".") -> dict[str, Any]:
    config = pytester.parseconfigure(*PLUGIN, folder)
    return call_hooks(config, load_manifest(manifest), manifest.parent)


def test_what_hooks_return_is_in_the_results(bench: Run, pytester: pytest.Pytester, manifest: Path) -> None:
    pytester.makeconftest(
        """
        def pytest_pocketbert_machine_info(config):
            return {"cooling": "fan"}

        def pytest_pocketbert_commit_info(config):
            return "from-the-ci"

        def pytest_pocketbert_figures(config, artifact, path):
            if artifact.role == "ship":
                return {"characters_of_name": len(path.name), "energy_mj": 0.5}
        """
    )
    bench(manifest, "--gate-profiles=mobile-1t", "-m", "size", ".")
    results = load_results(pytester.path / "reports/tiny.part.json")
    assert results.machine_info == {"cooling": "fan"}
    assert results.commit == "from-the-ci"
    assert results.figures == {"small": {"characters_of_name": len("small.onnx"), "energy_mj": 0.5}}


def test_without_hooks_the_checked_out_commit_stays(pytester: pytest.Pytester, manifest: Path) -> None:
    assert called(pytester, manifest) == {"machine_info": {}, "figures": {}}


def test_of_two_files_the_inner_one_wins(pytester: pytest.Pytester, manifest: Path) -> None:
    hooks = "def pytest_pocketbert_machine_info(): return {}\n\ndef pytest_pocketbert_commit_info(): return {!r}\n"
    pytester.makeconftest(hooks.format({"a": "outer", "b": "outer"}, "outer"))
    (pytester.mkdir("inner") / "conftest.py").write_text(hooks.format({"b": "inner"}, "inner"))
    found = called(pytester, manifest, "inner")
    assert found == {"machine_info": {"a": "outer", "b": "inner"}, "commit": "inner", "figures": {}}


@pytest.mark.parametrize(
    ("hook", "returned", "expected"),
    [
        ("machine_info(config)", '{"cores": 4}', "a dictionary of texts"),
        ("commit_info(config)", "4", "a text"),
        ("figures(config, artifact)", '{"energy_mj": "3"}', "a dictionary of finite numbers"),
        ("figures(config, artifact)", '{"energy_mj": float("nan")}', "a dictionary of finite numbers"),
    ],
)
def test_a_value_of_another_type_is_refused(
    pytester: pytest.Pytester, manifest: Path, hook: str, returned: str, expected: str
) -> None:
    pytester.makeconftest(f"def pytest_pocketbert_{hook}: return {returned}")
    name = hook.partition("(")[0]
    with pytest.raises(BadInput, match=rf"^conftest\.py: pytest_pocketbert_{name} returned .*; expected {expected}$"):
        called(pytester, manifest)
