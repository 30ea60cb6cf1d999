"""Several processes that build together (torchrun): all of them compute, the first one alone writes what lasts.

Loads no torch: a build of one process asks here, too.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

_PATIENCE = timedelta(hours=12)  # the others wait while the first one lets the teacher answer


def rank() -> int:
    """The number of this process; 0 is the first, and the only one where nobody started several."""
    return int(os.environ.get("RANK", "0"))


def world() -> int:
    """How many processes build together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def wait() -> None:
    """Until every process has come this far."""
    if world() > 1:
        import torch
        from accelerate import PartialState

        PartialState(cpu=not torch.cuda.is_available(), timeout=_PATIENCE).wait_for_everyone()


@contextmanager
def first_alone() -> Iterator[None]:
    """The first process runs the block while the others wait; then they run it, and find what it has left."""
    if rank():
        wait()
    yield
    if not rank():
        wait()
