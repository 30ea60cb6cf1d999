"""The quantities that a gate run compares, and the part of the manifest that the selected ones need.

`pytest -k` and `-m` select items; only their artifacts, profiles and metrics are measured.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from pocketbert.bench.measuring.setup import Needed
from pocketbert.bench.records.baseline import Baseline
from pocketbert.bench.records.results import Metric, Place, Profile, Results
from pocketbert.compress.manifest import Manifest
from pocketbert.compress.runtimes import EMULATED


@dataclass(frozen=True)
class Item:
    """One quantity to compare with the baseline; only latency has a `place`."""

    metric: Metric
    artifact: str
    place: Place | None = None

    def __str__(self) -> str:
        return f"{self.artifact}-{self.place}" if self.place else self.artifact


def narrow(manifest: Manifest, profiles: Sequence[Profile], items: Collection[Item]) -> Needed:
    """Return the items' artifacts with the reference, their lengths of their profiles, and their metrics.

    A profile that is measured under another name is returned together with that one, and both with all lengths that
    the items need of either.
    """
    ids = {manifest.reference, *(item.artifact for item in items)}
    measured = {profile.name: profile.same_as or profile.name for profile in profiles}
    places = [item.place for item in items if item.place]
    lengths: dict[str, set[str]] = {}
    for place in places:
        lengths.setdefault(measured.get(place.profile, place.profile), set()).add(place.length)
    kept = [p for p in profiles if p.name in lengths or p.name in {place.profile for place in places}]
    return Needed(
        manifest.model_copy(update={"artifacts": [a for a in manifest.artifacts if a.id in ids]}),
        [p.model_copy(update={"lengths": [n for n in p.lengths if n in lengths[measured[p.name]]]}) for p in kept],
        {item.metric for item in items},
    )


def items_of(
    shipped: Mapping[str, str],
    profiles: Sequence[Profile],
    baseline: Baseline | None,
    whole: bool,
    positions: Mapping[str, Sequence[int | None]] = MappingProxyType({}),
) -> list[Item]:
    """List every item: exported artifacts in every profile that can run, and all other figures of the baseline.

    An artifact for another platform has its size as the only item, and the other metrics if the baseline has them.

    Args:
        shipped: the manifest's artifacts of role `ship`: id -> runtime.
        profiles: of this run, skipped ones included.
        whole: the run has every profile; else the baseline's other profiles are left out.
        positions: id -> positions of the artifact and of the reference. A longer length is left out, unless the
            baseline has it.
    """
    here = [Place(p.name, length) for p in profiles if not p.skipped for length in p.lengths]
    chosen = {profile.name for profile in profiles}
    known = baseline.artifacts if baseline else {}
    items = []
    for name in dict.fromkeys([*shipped, *known]):
        not_run = (shipped[name] if name in shipped else known[name].runtime) in EMULATED
        if not_run and (name not in known or known[name].runtime in EMULATED):
            items.append(Item("size", name))
            continue
        fitting = [place for place in here if place.fits(*positions.get(name, ()))]
        places = dict.fromkeys(fitting if name in shipped and not not_run else [])
        if name in known:
            before = map(Place.parse, known[name].latency)
            places |= dict.fromkeys(place for place in before if whole or place.profile in chosen)
        items += [Item("latency", name, place) for place in places]
        items += [Item("memory", name), Item("size", name), Item("accuracy", name)]
    return items


def left_out(results: Results) -> Iterator[str]:
    """Yield the artifacts that have too few positions for a length of the profiles, each with these lengths."""
    places = [Place(p.name, length) for p in results.profiles if not p.skipped for length in p.lengths]
    for artifact in results.artifacts:
        if longer := [str(place) for place in places if not place.fits(artifact.positions)]:
            yield f"{artifact.id} has {artifact.positions} positions, too few for {', '.join(longer)}"
