"""Tensors whose shape grew or whose type changed, and bytes that are in no tensor."""

from pocketbert.bench.measuring.pairs import Side
from pocketbert.bench.records.results import Changed
from pocketbert.bench.verdicts.why.case import Case, NoEvidence
from pocketbert.bench.workers.inside import Tensor, tensors
from pocketbert.compress.base.files import files_of

_SMALL = 0.005
"""Of all that was gained: less than that is not worth a line."""


def find(case: Case) -> list[Changed]:
    """What takes more bytes than before, and what is of another type.

    Raises:
        NoEvidence: one of the two files cannot be looked into.
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
        changes += _outside(_total(baseline) - _sum(was), _total(candidate) - _sum(now))
    gained = sum(max(change.cost or 0.0, 0.0) for change in changes)
    retyped = {name for name in was.keys() & now.keys() if was[name].dtype != now[name].dtype}
    kept = retyped if "latency" in case.metrics else set()  # another type is read and multiplied otherwise
    return [change for change in changes if change.what in kept or (change.cost or 0.0) > _SMALL * gained]


def _outside(was: int, now: int) -> list[Changed]:
    """Bytes that are in no tensor: the graph, names, and whatever else somebody put into a file."""
    if was == now:
        return []
    words = [f"{count:,} bytes" for count in (was, now)]
    return [Changed(what="outside of tensors", was=words[0], now=words[1], cost=now - was, unit="bytes")]


def _read(side: Side) -> dict[str, Tensor]:
    """Name -> tensor; a quantized one bears the name of the one it was made from."""
    found = tensors(side.runtime, side.path)
    if found is None:
        raise NoEvidence(f"the tensors of {side.path.name[:12]} cannot be read")
    return {tensor.name.removesuffix("_quantized"): tensor for tensor in found}


def _said(tensor: Tensor | None) -> str:
    return f"{tensor.dtype} {'×'.join(map(str, tensor.shape)) or 'scalar'}" if tensor else ""


def _sum(found: dict[str, Tensor]) -> int:
    return sum(tensor.bytes for tensor in found.values())


def _total(side: Side) -> int:
    return sum(file.stat().st_size for _, file in files_of(side.path))
