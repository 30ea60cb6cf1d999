"""The CI configuration is what its services take, and what runs in it runs."""

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from pocketbert.bench.gate import commit
from tests.support import REPO

WORKFLOW = REPO / ".github/workflows/gate.yml"
PAGE = REPO / "docs/ci.md"
GITLAB = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
SCHEMAS = find_spec("check_jsonschema") is not None


def jobs() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]
    return found


def steps() -> list[dict[str, Any]]:
    return [step for job in jobs().values() for step in job["steps"]]


def script(name: str) -> str:
    """What the step of that id runs."""
    found: str = next(step["run"] for step in steps() if step.get("id") == name)
    return found


def complaint(path: Path, schema: str) -> str:
    """What check-jsonschema says by the schema that it carries; nothing if the file is fine. It asks no network."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    checked = subprocess.run(command, capture_output=True, text=True)
    return "" if checked.returncode == 0 else checked.stdout + checked.stderr


@pytest.mark.skipif(not SCHEMAS, reason="check-jsonschema (extra: tests) is not installed")
@pytest.mark.parametrize("workflow", sorted(WORKFLOW.parent.glob("*.yml")), ids=lambda path: path.stem)
def test_the_workflows_fit_githubs_schema(workflow: Path, tmp_path: Path) -> None:
    assert complaint(workflow, "vendor.github-workflows") == ""
    broken = tmp_path / "broken.yml"
    broken.write_text(workflow.read_text(encoding="utf-8").replace("runs-on:", "runs_on:"))
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


def test_tokens_may_do_no_more_than_their_job() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {}
    writers = {name for name, job in jobs().items() if "write" in job["permissions"].values()}
    assert writers == {"comment"}
    assert not any("run" in step or "checkout" in step["uses"] for step in jobs()["comment"]["steps"])
    checkouts = [step for step in steps() if "actions/checkout" in step.get("uses", "")]
    assert len(checkouts) == 2
    assert all(checkout["with"]["persist-credentials"] is False for checkout in checkouts)


def test_actions_are_pinned_by_their_commit() -> None:
    every = [path.read_text(encoding="utf-8") for path in WORKFLOW.parent.glob("*.yml")]
    lines = [line for text in every for line in text.splitlines() if "uses:" in line]
    assert len(lines) >= 12
    assert all(re.search(r"uses: actions/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line) for line in lines), lines


def test_a_red_gate_keeps_caches_and_is_told_of() -> None:
    names = [step.get("name", "") for step in jobs()["gate"]["steps"]]
    after = jobs()["gate"]["steps"][names.index("Build, measure, compare") + 1 :]
    assert len(after) >= 4
    assert all("!cancelled()" in step["if"] for step in [*after, jobs()["comment"]])
    # actions/cache as one step saves in a post step of its own, which a failed job skips.
    caches = [step["uses"].split("@")[0] for step in steps() if "actions/cache" in step.get("uses", "")]
    assert sorted(caches) == ["actions/cache/restore"] * 2 + ["actions/cache/save"] * 2
    assert all(yaml.safe_load(example)["gate"]["cache"]["when"] == "always" for example in GITLAB)


@pytest.fixture
def published(tmp_path: Path) -> Callable[..., tuple[str, str]]:
    """Run the steps of these ids beside the repository's own report; the job's summary and the first screen."""
    shutil.copytree(REPO / "reports", tmp_path / "reports")
    places = {"GITHUB_STEP_SUMMARY": tmp_path / "summary", "GITHUB_OUTPUT": tmp_path / "output"}
    path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"])
    environment = {"RECIPE": "offline", "PATH": path, **{name: str(place) for name, place in places.items()}}

    def run(*ids: str) -> tuple[str, str]:
        for name in ids:
            command = ["bash", "-euo", "pipefail", "-c", script(name)]
            subprocess.run(command, cwd=tmp_path, env=environment, check=True)
        found = re.fullmatch(r"screen<<(.+)\n([\s\S]*)\n\1\n", (tmp_path / "output").read_text(encoding="utf-8"))
        assert found
        return (tmp_path / "summary").read_text(encoding="utf-8"), found[2]

    return run


def test_the_demo_knows_the_pull_request_that_ci_runs_for() -> None:
    tox = configparser.ConfigParser()
    tox.read(REPO / "tox.ini")
    read = set(re.findall(r"CI_MERGE_REQUEST_\w+", Path(commit.__file__).read_text(encoding="utf-8")))
    assert {"GITHUB_REF", "GITHUB_SERVER_URL", "GITHUB_REPOSITORY", *read} <= set(
        tox["testenv:bench"]["pass_env"].split()
    )


def test_the_summary_has_no_broken_pictures_and_the_comment_is_the_short_one(
    published: Callable[..., tuple[str, str]],
) -> None:
    summary, screen = published("report")
    assert screen.startswith("### ✅ pocketbert offline: no regression against `baselines/offline.json`\n\n| check")
    assert "**`student-int8.onnx`**<br>" in screen
    assert summary.startswith("# pocketbert report: offline\n\n**Gate passed: ")
    assert "<details>" in summary
    assert "![" not in screen + summary
    assert "](offline" not in summary, "a relative link is dead there"


def test_the_report_in_the_repository_does_not_pass_for_a_run_that_never_got_there(
    published: Callable[..., tuple[str, str]], tmp_path: Path
) -> None:
    summary, screen = published("clean", "report")
    assert summary.strip() == screen.strip()
    assert screen.startswith("**Gate: not reached.**")
    assert (tmp_path / "reports/offline.history.jsonl").is_file()
    ids = [step.get("id", step.get("name")) for step in jobs()["gate"]["steps"]]
    assert ids.index("clean") < ids.index("Tests")


GITHUB = """
const context = {serverUrl: 'https://host', repo: {owner: 'o', repo: 'r'}, runId: 7, issue: {number: 3},
  payload: {pull_request: {head: {sha: '0123456789abcdef'}}}}
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
@pytest.mark.parametrize("page", ["https://host/page", ""])
@pytest.mark.parametrize(
    ("comments", "expected"),
    [
        ([], ("create", {"issue_number": 3})),
        ([{"id": 5, "user": {"type": "User"}, "body": "<!-- pocketbert --> quoted"}], ("create", {"issue_number": 3})),
        ([{"id": 5, "user": {"type": "Bot"}, "body": "<!-- pocketbert -->\nold"}], ("update", {"comment_id": 5})),
    ],
)
def test_the_pull_request_has_one_comment(
    comments: list[dict[str, Any]], expected: tuple[str, dict[str, int]], page: str
) -> None:
    script = next(step["with"]["script"] for step in steps() if "github-script" in step.get("uses", ""))
    program = GITHUB.replace("COMMENTS", json.dumps(comments)).replace("SCRIPT", script)
    environment = {**os.environ, "SCREEN": "**Gate: ok.**", "PAGE": page}
    ran = subprocess.run(["node", "-e", program], env=environment, capture_output=True, text=True, check=True)  # noqa: S607
    [[what, said]] = json.loads(ran.stdout)
    assert (what, {key: said[key] for key in expected[1]}) == expected
    link = "[full report](https://host/page), " if page else ""
    assert said["body"] == (
        f"<!-- pocketbert -->\n**Gate: ok.**\n\n{link}[run](https://host/o/r/actions/runs/7) of 0123456789ab"
    )


def test_tox_environments_that_ci_names_exist() -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(REPO / "tox.ini")
    named = set(re.findall(r"tox run -e (\w+)", WORKFLOW.read_text() + PAGE.read_text()))
    assert named >= {"lint", "tests", "fuzz", "bench"}
    assert all(name == "tests" or f"testenv:{name}" in tox for name in named)


def test_what_is_too_slow_for_every_push_runs_in_environments_that_there_are() -> None:
    workflow = yaml.safe_load(WORKFLOW.with_name("thorough.yml").read_text(encoding="utf-8"))
    [job] = workflow["jobs"].values()
    tox = configparser.ConfigParser()
    tox.read(REPO / "tox.ini")
    assert job["strategy"]["matrix"]["environment"] == ["browser", "mobile", "slow"]
    assert {f"testenv:{name}" for name in ("browser", "mobile", "slow")} <= set(tox.sections())
    assert workflow["permissions"] == {} and job["permissions"] == {"contents": "read"}


def test_the_job_outlives_its_longest_step() -> None:
    """The step that builds is ended by its own limit, so that the report and the caches are still written."""
    gate = jobs()["gate"]
    [bench] = [step["timeout-minutes"] for step in gate["steps"] if "timeout-minutes" in step]
    assert gate["timeout-minutes"] - bench >= 30


def test_every_package_of_the_two_commands_and_of_lint_is_pinned() -> None:
    extras = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    wanted = {
        re.split(r"[\[>=<;~ ]", requirement)[0].lower().replace("_", "-")
        for extra in ("build", "offline", "tests", "dev", "docs")
        for requirement in extras[extra]
    }
    lines = (REPO / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines if "==" in line}
    assert wanted - {"pocketbert", "setuptools", "tox"} <= pinned, "the last two make the environments"
