"""Hugging Face folders: the tensors of their safetensors files, and PyTorch's own profile of the model."""

import json
import struct
from collections.abc import Sequence
from pathlib import Path

from pocketbert.bench.workers.inside import Operator, Tensor
from pocketbert.compress.base.files import files_of
from pocketbert.compress.tasks.inputs import Batch

_WARM_UP = 3
_DTYPES = {"BF16": "bfloat16", "BOOL": "bool", "F": "float", "I": "int", "U": "uint"}


def tensors(path: Path) -> list[Tensor]:
    """What the headers say; no weight is read (https://huggingface.co/docs/safetensors, "Format")."""
    found = []
    for _, file in files_of(path):
        if file.suffix == ".safetensors":
            with file.open("rb") as stream:
                (length,) = struct.unpack("<Q", stream.read(8))
                header = json.loads(stream.read(length))
            header.pop("__metadata__", None)
            for name, entry in header.items():
                first, last = entry["data_offsets"]
                found.append(Tensor(name, _dtype(entry["dtype"]), tuple(entry["shape"]), last - first))
    return found


def _dtype(name: str) -> str:
    """``F32`` -> ``float32``."""
    return _DTYPES.get(name) or _DTYPES.get(name[0], name[0]) + name[1:].lower()


def profile(path: Path, threads: int, batches: Sequence[Batch]) -> list[Operator]:
    """Each kind of operator, with the time spent in itself and not in those that it calls."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as record

    from pocketbert.compress.runtimes.torch import open_session

    session = open_session(path, threads)
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
