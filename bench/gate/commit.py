"""What a run measures: the commit, the subject of its message, and the pull request that CI runs for."""

import re
import subprocess
from collections.abc import Mapping

_MERGED = re.compile(r"Merge [0-9a-f]{40} into [0-9a-f]{40}")


def checked_out() -> str | None:
    """Return the commit that is checked out; None outside a Git repository."""
    return _git("rev-parse", "HEAD")


def subject_of(commit: str | None) -> str:
    """Return the first line of a commit's message; empty if this repository does not have the commit.

    GitHub merges a pull request before it checks it out. The message then is that of the merged commit.
    """
    subject = (_git("log", "-1", "--format=%s", "--end-of-options", commit, "--") if commit else None) or ""
    return subject_of(f"{commit}^2") if _MERGED.fullmatch(subject) else subject


def pull_request(variables: Mapping[str, str]) -> str:
    """Return the address of the pull request, or of GitLab's merge request, that set these environment variables; empty
    outside CI.
    """
    if project := variables.get("CI_MERGE_REQUEST_PROJECT_URL"):
        return f"{project}/-/merge_requests/{variables.get('CI_MERGE_REQUEST_IID', '')}"
    kind, _, number = variables.get("GITHUB_REF", "").removeprefix("refs/").partition("/")
    if kind != "pull":
        return ""
    server, repository = (variables.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY"))
    return f"{server}/{repository}/pull/{number.partition('/')[0]}"


def _git(*command: str) -> str | None:
    """Return what Git prints; None if it fails or is not installed."""
    try:
        found = subprocess.run(["git", *command], capture_output=True, text=True, timeout=10, errors="replace")  # noqa: S607
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None
