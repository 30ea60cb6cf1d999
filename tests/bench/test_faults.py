"""A gate run, and a command that changes what it keeps, that is ended by a signal loses no file; the next run is whole.

Small samples; tests/support/faults/kills.py says how every place is tried.
"""

import pytest

from tests.support.faults.kills import assert_survived


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [["SIGKILL", "torn"], ["SIGTERM", "SIGINT"]], ids="-".join)
def test_a_gate_and_commands_that_were_ended_anywhere_lose_nothing(kinds: list[str]) -> None:
    assert_survived("gate", "update", "pin", "prune", kinds=kinds, most=1)
