"""Builds on several processes (torchrun): all processes compute, only the first one writes files.

Loads no torch, because builds on one process use this module as well.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

_PATIENCE = timedelta(hours=12)  # the other processes wait while the first one runs the teacher


def rank() -> int:
    """Return the number of this process; the first, or only, process is 0."""
    return int(os.environ.get("RANK", "0"))


def world() -> int:
    """Return the number of processes that build together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def wait() -> None:
    """Wait until every process has reached this call."""
    if world() > 1:
        import torch
        from accelerate import PartialState

        PartialState(cpu=not torch.cuda.is_available(), timeout=_PATIENCE).wait_for_everyone()


@contextmanager
def first_alone() -> Iterator[None]:
    """Run the block on the first process while the others wait; then run it on them, with its files in place."""
    if rank():
        wait()
    yield
    if not rank():
        wait()
