"""A run knows its commit, the subject of its message, and its pull request."""

import subprocess
from pathlib import Path

import pytest

from pocketbert.bench.gate.commit import checked_out, pull_request, subject_of


def test_the_commit_is_the_one_checked_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert (checked_out(), subject_of(None), subject_of("a" * 40)) == (None, "", "")
    identity = ["-c", "user.name=n", "-c", "user.email=e"]
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "少剪几个头\n\nbecause"]):
        subprocess.run(["git", *identity, *command], check=True)  # noqa: S607
    head = subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip()  # noqa: S607
    assert (checked_out(), subject_of(head)) == (head, "少剪几个头")
    assert subject_of("--output=x") == "", "never an option"
    assert not (tmp_path / "x").exists()


def test_the_subject_of_a_pull_request_is_not_that_of_githubs_merge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def git(*command: str) -> str:
        identity = ["-c", "user.name=n", "-c", "user.email=e", "-c", "init.defaultBranch=main"]
        return subprocess.check_output(["git", *identity, *command], text=True).strip()  # noqa: S607

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "base")
    git("checkout", "-q", "-b", "branch")
    git("commit", "-q", "--allow-empty", "-m", "fewer heads")
    branch, base = git("rev-parse", "branch"), git("rev-parse", "main")
    git("checkout", "-q", "main")
    git("merge", "-q", "--no-ff", "branch", "-m", f"Merge {branch} into {base}")
    assert subject_of(git("rev-parse", "HEAD")) == "fewer heads"
    (tmp_path / "a").touch()
    assert subject_of("a") == "", "a path is no commit"


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({}, ""),
        (
            {
                "GITHUB_REF": "refs/pull/12/merge",
                "GITHUB_SERVER_URL": "https://github.com",
                "GITHUB_REPOSITORY": "we/app",
            },
            "https://github.com/we/app/pull/12",
        ),
        ({"GITHUB_REF": "refs/heads/main", "GITHUB_SERVER_URL": "https://github.com"}, ""),
        (
            {"CI_MERGE_REQUEST_PROJECT_URL": "https://gitlab.com/we/app", "CI_MERGE_REQUEST_IID": "7"},
            "https://gitlab.com/we/app/-/merge_requests/7",
        ),
    ],
)
def test_the_pull_request_of_ci(variables: dict[str, str], address: str) -> None:
    assert pull_request(variables) == address
