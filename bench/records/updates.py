"""What a baseline's updates add up to: each records the change of latency that it accepted.

Eight changes of +2.5 % pass a limit of +3 % one by one and are +22 % together.
"""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Annotated, NamedTuple

from pydantic import Field

from pocketbert.bench.records.results import Results
from pocketbert.bench.records.since import Since
from pocketbert.bench.stats.intervals import Interval
from pocketbert.compress.base.strict import Strict

_Factor = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Update(Strict):
    """One update of a baseline."""

    was: str  # creation time of the baseline that was replaced
    latency: dict[str, dict[str, _Factor]]  # artifact -> "mobile-1t/128" -> P50 over that of the replaced file


class Known(NamedTuple):
    """An artifact of the replaced baseline: its digest, and its ratios to the reference if they are comparable."""

    sha256: str
    ratios: Mapping[str, Interval]


def accepted(results: Results, was: str, known: Mapping[str, Known]) -> Update:
    """Return the changes of latency that an update to these results accepts.

    A change was measured in pairs with the replaced file, or else follows from the ratios to the reference. An artifact
    that neither can tell is left out.

    Args:
        was: creation time of the replaced baseline.
        known: its artifacts.
    """
    paired = {(pair.artifact, pair.place, pair.against): 1 + pair.change.estimate for pair in results.paired}
    latency: dict[str, dict[str, float]] = {}
    for artifact in results.artifacts:
        before = known.get(artifact.id)
        if before is None:
            continue
        for entry in artifact.latency:
            factor = paired.get((artifact.id, entry.place, before.sha256))
            if artifact.sha256 == before.sha256:
                factor = 1.0
            elif factor is None and (ratio := before.ratios.get(str(entry.place))):
                factor = entry.ratio.estimate / ratio.estimate
            if factor and (rounded := round(factor, 5)) > 0:  # results can claim any change
                latency.setdefault(artifact.id, {})[str(entry.place)] = rounded
    return Update(was=was, latency=latency)


def since(pin: str, pinned: Sequence[Update], created: str, current: Sequence[Update], now: str) -> Since:
    """Return what the updates since a pin add up to.

    Args:
        pinned, created: the updates of the pinned baseline, and its creation time.
        current, now: those of the current baseline.
    """
    later = current[len(pinned) :]
    if [*current[: len(pinned)]] != [*pinned] or (later[0].was if later else now) != created:
        return Since(pin=pin)
    places = {(name, place) for update in later for name, factors in update.latency.items() for place in factors}
    sums = {
        (name, place): prod(update.latency.get(name, {}).get(place, 1.0) for update in later) - 1
        for name, place in sorted(places)
    }
    if not sums:
        return Since(pin=pin, updates=len(later))
    name, place = max(sums, key=lambda found: sums[found])
    return Since(pin=pin, updates=len(later), change=round(sums[name, place], 4), artifact=name, place=place)
