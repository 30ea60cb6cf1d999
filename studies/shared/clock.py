"""The clock of trainings, in seconds."""

import time

import torch


def now() -> float:
    """Return the CPU time of one thread, which other processes do not lengthen; else the wall time."""
    if on_gpu := torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.process_time() if torch.get_num_threads() == 1 and not on_gpu else time.monotonic()
