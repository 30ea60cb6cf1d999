"""A build that is killed, interrupted or short of disk ends as it should, and the next one finishes it.

Small samples; tests/support/faults/kills.py and tests/support/faults/full_disk.py say how every place is tried.
"""

import os
import shutil
import subprocess
import sys

import pytest

from tests.support import REPO
from tests.support.faults.kills import assert_survived

UNSHARE = shutil.which("unshare")


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [["SIGKILL", "torn"], ["SIGTERM", "SIGINT"]], ids="-".join)
def test_a_build_that_was_ended_anywhere_is_finished_by_the_next(kinds: list[str]) -> None:
    assert_survived("build", "rebuild", kinds=kinds, most=1)


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_with_room_the_build_finishes() -> None:
    tmpfs = "mount -t tmpfs -o size=16k pocketbert /mnt"
    if not UNSHARE or subprocess.run([UNSHARE, "-m", "sh", "-c", tmpfs], capture_output=True).returncode:
        pytest.skip("this system lets no process of ours mount a tmpfs (unshare -m)")
    done = subprocess.run(
        [UNSHARE, "-m", sys.executable, "-m", "tests.support.faults.full_disk", "4"],
        capture_output=True,
        text=True,
        cwd=REPO,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        timeout=1800,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "4 disks were too small, 0 builds went wrong"
