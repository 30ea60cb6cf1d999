"""A build that is killed, interrupted or short of disk ends as it should, and the next one finishes it.

Small samples; tests/support/faults/kills.py and tests/support/faults/full_disk.py say how every place is tried.
"""

import os
import shutil
import subprocess
import sys

import pytest

from tests.support import REPO

pytestmark = pytest.mark.slow
UNSHARE = shutil.which("unshare")


def run(*command: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=REPO, env=os.environ | {"OMP_NUM_THREADS": "1"}, timeout=1800
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("kind", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_a_build_that_was_ended_anywhere_is_finished_by_the_next(kind: str) -> None:
    said = run(sys.executable, "-m", "tests.support.faults.kills", "50", kind)
    ended, _, rest = said.partition(" ")
    assert int(ended) > 4
    assert rest == f"builds ended by {kind}, 0 went wrong"


def test_a_full_disk_is_one_line_and_with_room_the_build_finishes() -> None:
    tmpfs = "mount -t tmpfs -o size=16k pocketbert /mnt"
    if not UNSHARE or subprocess.run([UNSHARE, "-m", "sh", "-c", tmpfs], capture_output=True).returncode:
        pytest.skip("this system lets no process of ours mount a tmpfs (unshare -m)")
    said = run(UNSHARE, "-m", sys.executable, "-m", "tests.support.faults.full_disk", "4")
    assert said == "4 disks were too small, 0 builds went wrong"
