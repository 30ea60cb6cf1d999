"""Hugging Face folders: the tensors of their safetensors files, and PyTorch's own profile of the model."""

import math
import re
from collections.abc import Sequence
from pathlib import Path

from safetensors import safe_open

from pocketbert.bench.workers.file import File
from pocketbert.bench.workers.inside import Operator, Tensor
from pocketbert.compress.base.files import files_of
from pocketbert.compress.tasks.inputs import Batch

_WARM_UP = 3
_DTYPES = {"BF16": "bfloat16", "BOOL": "bool", "F": "float", "I": "int", "U": "uint"}


def tensors(path: Path) -> list[Tensor]:
    """Return the tensors of the safetensors files, from their headers; no weight is read."""
    found = []
    for _, file in files_of(path):
        if file.suffix == ".safetensors":
            with safe_open(file, "np") as opened:
                for name in opened.keys():  # noqa: SIM118  # not a dictionary
                    header = opened.get_slice(name)
                    shape, name_of = tuple(header.get_shape()), header.get_dtype()  # "F32" is float32
                    dtype = _DTYPES.get(name_of) or _DTYPES.get(name_of[0], name_of[0]) + name_of[1:].lower()
                    bits = int((re.search(r"\d+", dtype) or "8")[0])  # a bool takes a byte
                    found.append(Tensor(name, dtype, shape, math.prod(shape) * bits // 8))
    return found


def profile(file: File, threads: int, batches: Sequence[Batch]) -> list[Operator]:
    """Return each kind of operator with the time spent in the operator itself, without the operators that it calls."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as record

    from pocketbert.compress.runtimes.torch import open_session

    session = open_session(file.path, threads)
    for batch in batches[:_WARM_UP]:
        session.logits(batch)
    with record(activities=[ProfilerActivity.CPU]) as recorded:
        for batch in batches:
            session.logits(batch)
    each = len(batches)
    return [
        Operator(event.key, event.count / each, event.self_cpu_time_total / 1000 / each)
        for event in recorded.key_averages()
    ]
