"""The CI configuration is what its services take, and what runs in it runs."""

import configparser
import json
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

REPO = Path(__file__).parents[1]
WORKFLOW = REPO / ".github/workflows/gate.yml"
PAGE = REPO / "docs/ci.md"
GITLAB = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
SCHEMAS = find_spec("check_jsonschema") is not None


def steps() -> list[dict[str, Any]]:
    job = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]["gate"]
    found: list[dict[str, Any]] = job["steps"]
    return found


def complaint(path: Path, schema: str) -> str:
    """What check-jsonschema says by the schema that it carries; nothing if the file is fine. It asks no network."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    checked = subprocess.run(command, capture_output=True, text=True)
    return "" if checked.returncode == 0 else checked.stdout + checked.stderr


@pytest.mark.skipif(not SCHEMAS, reason="check-jsonschema (extra: tests) is not installed")
def test_the_workflow_fits_githubs_schema(tmp_path: Path) -> None:
    assert complaint(WORKFLOW, "vendor.github-workflows") == ""
    broken = tmp_path / "broken.yml"
    broken.write_text(WORKFLOW.read_text(encoding="utf-8").replace("runs-on:", "runs_on:"))
    assert "runs" in complaint(broken, "vendor.github-workflows")


@pytest.mark.skipif(not SCHEMAS, reason="check-jsonschema (extra: tests) is not installed")
@pytest.mark.parametrize("example", GITLAB)
def test_the_gitlab_examples_fit_its_schema(example: str, tmp_path: Path) -> None:
    file = tmp_path / ".gitlab-ci.yml"
    file.write_text(example)
    assert complaint(file, "vendor.gitlab-ci") == ""
    file.write_text(example.replace("script:", "scripts:"))
    assert complaint(file, "vendor.gitlab-ci")


def test_every_shell_step_parses() -> None:
    scripts = [step["run"] for step in steps() if "run" in step]
    scripts += [line for example in GITLAB for line in yaml.safe_load(example)["gate"]["script"]]
    assert len(scripts) >= 8
    for script in scripts:
        checked = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True)  # noqa: S607
        assert checked.returncode == 0, script + checked.stderr


def test_the_summary_has_no_broken_pictures_and_the_comment_one_screen(tmp_path: Path) -> None:
    script = next(step["run"] for step in steps() if step.get("id") == "report")
    (tmp_path / "reports").mkdir()
    shutil.copy(REPO / "reports/offline.md", tmp_path / "reports")
    places = {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary"), "GITHUB_OUTPUT": str(tmp_path / "output")}
    environment = {"RECIPE": "offline", "PATH": "/usr/bin:/bin", **places}
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, env=environment, check=True)  # noqa: S607
    comment, summary = ((tmp_path / name).read_text(encoding="utf-8") for name in ("comment.md", "summary"))
    assert comment.startswith("# pocketbert report: offline\n\n**Gate: ")
    assert "| `student-int8.onnx` " in comment
    assert "<details>" in summary
    assert "![" not in comment + summary
    assert "<details>" not in comment
    assert (tmp_path / "output").read_text() == "written=true\n"


GITHUB = """
const context = {serverUrl: 'https://host', repo: {owner: 'o', repo: 'r'}, runId: 7, issue: {number: 3}}
const comments = COMMENTS
const calls = []
const github = {
  paginate: async (what, where) => comments,
  rest: {issues: {
    listComments: 0,
    updateComment: async (said) => calls.push(['update', said]),
    createComment: async (said) => calls.push(['create', said]),
  }},
}
;(async () => {
SCRIPT
})().then(() => console.log(JSON.stringify(calls)))
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
@pytest.mark.parametrize(
    ("comments", "expected"),
    [
        ([], ("create", {"issue_number": 3})),
        ([{"id": 5, "user": {"type": "User"}, "body": "<!-- pocketbert --> quoted"}], ("create", {"issue_number": 3})),
        ([{"id": 5, "user": {"type": "Bot"}, "body": "<!-- pocketbert -->\nold"}], ("update", {"comment_id": 5})),
    ],
)
def test_the_pull_request_has_one_comment(
    tmp_path: Path, comments: list[dict[str, Any]], expected: tuple[str, dict[str, int]]
) -> None:
    (tmp_path / "comment.md").write_text("**Gate: ok.**\n")
    script = next(step["with"]["script"] for step in steps() if "github-script" in step.get("uses", ""))
    program = GITHUB.replace("COMMENTS", json.dumps(comments)).replace("SCRIPT", script)
    ran = subprocess.run(["node", "-e", program], cwd=tmp_path, capture_output=True, text=True, check=True)  # noqa: S607
    [[what, said]] = json.loads(ran.stdout)
    assert (what, {key: said[key] for key in expected[1]}) == expected
    assert said["body"] == ("<!-- pocketbert -->\n**Gate: ok.**\n\n[The whole report](https://host/o/r/actions/runs/7)")


def test_tox_environments_that_ci_names_exist() -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(REPO / "tox.ini")
    named = set(re.findall(r"tox run -e (\w+)", WORKFLOW.read_text() + PAGE.read_text()))
    assert named
    assert all(name == "tests" or f"testenv:{name}" in tox for name in named)
