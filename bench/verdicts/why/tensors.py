"""Tensors whose shape or type changed, and bytes outside of tensors."""

from pocketbert.bench.measuring.pairs import Side
from pocketbert.bench.records.results import Changed
from pocketbert.bench.verdicts.why.case import Case, NoEvidence
from pocketbert.bench.workers.inside import Tensor, tensors
from pocketbert.compress.base.files import files_of

_SMALL = 0.005
"""Minimum share of all added bytes for a change to be listed."""


def find(case: Case) -> list[Changed]:
    """Return what takes more bytes than before, and for a latency regression also what has another type.

    Raises:
        NoEvidence: the tensors of one of the two files cannot be read.
    """
    baseline, candidate = case.both()
    was, now = _read(baseline), _read(candidate)
    changes = [
        Changed(
            what=name,
            was=_said(was.get(name)),
            now=_said(now.get(name)),
            cost=(now[name].bytes if name in now else 0) - (was[name].bytes if name in was else 0),
            unit="bytes",
        )
        for name in dict.fromkeys([*now, *was])
        if _said(was.get(name)) != _said(now.get(name))
    ]
    if "size" in case.metrics:
        changes += _outside(_beyond(baseline, was), _beyond(candidate, now))
    gained = sum(max(change.cost or 0.0, 0.0) for change in changes)
    retyped = {name for name in was.keys() & now.keys() if was[name].dtype != now[name].dtype}
    kept = retyped if "latency" in case.metrics else set()  # another type runs other kernels
    return [change for change in changes if change.what in kept or (change.cost or 0.0) > _SMALL * gained]


def _outside(was: int, now: int) -> list[Changed]:
    """Return the change of the bytes outside of tensors: graph, names, other contents of the file."""
    if was == now:
        return []
    words = [f"{count:,} bytes" for count in (was, now)]
    return [Changed(what="outside of tensors", was=words[0], now=words[1], cost=now - was, unit="bytes")]


def _read(side: Side) -> dict[str, Tensor]:
    """Return name -> tensor; a quantized tensor has the name of its source."""
    found = tensors(side.file.runtime, side.file.path)
    if found is None:
        raise NoEvidence(f"the tensors of {side.file.path.name[:12]} cannot be read")
    return {tensor.name.removesuffix("_quantized"): tensor for tensor in found}


def _said(tensor: Tensor | None) -> str:
    return f"{tensor.dtype} {'×'.join(map(str, tensor.shape)) or 'scalar'}" if tensor else ""


def _beyond(side: Side, found: dict[str, Tensor]) -> int:
    return sum(file.stat().st_size for _, file in files_of(side.file.path)) - sum(t.bytes for t in found.values())
