"""What a few items need measured: what `pytest -k` and `-m` leave is not worth a whole weighing."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pocketbert.bench.measuring.needed import Needed
from pocketbert.bench.records.baseline import Baseline
from pocketbert.bench.records.results import Metric, Profile
from pocketbert.compress.manifest import Manifest
from pocketbert.compress.runtimes import EMULATED


@dataclass(frozen=True)
class Item:
    """One quantity to judge; `place` is "profile/length" for latency."""

    metric: Metric
    artifact: str
    place: str | None = None

    def __str__(self) -> str:
        return f"{self.artifact}-{self.place}" if self.place else self.artifact


def narrow(manifest: Manifest, profiles: Sequence[Profile], items: Collection[Item]) -> Needed:
    """Their artifacts with the reference, their lengths of their profiles, and their metrics.

    A profile that is another one under a second name comes with that one, and both with the lengths asked of either.
    """
    ids = {manifest.reference, *(item.artifact for item in items)}
    measured = {profile.name: profile.same_as or profile.name for profile in profiles}
    asked: dict[str, set[str]] = {}
    for name, length in (item.place.split("/") for item in items if item.place):
        asked.setdefault(measured.get(name, name), set()).add(length)
    named = {item.place.split("/")[0] for item in items if item.place}
    kept = [p for p in profiles if p.name in named or p.name in asked]
    artifacts = [artifact for artifact in manifest.artifacts if artifact.id in ids]
    return Needed(
        manifest.model_copy(update={"artifacts": artifacts}),
        [_shortened(profile, asked[measured[profile.name]]) for profile in kept],
        {item.metric for item in items},
    )


def _shortened(profile: Profile, lengths: Iterable[str]) -> Profile:
    return profile.model_copy(update={"lengths": [length for length in profile.lengths if length in set(lengths)]})


def items_of(
    shipped: Mapping[str, str], profiles: Sequence[Profile], baseline: Baseline | None, whole: bool
) -> list[Item]:
    """Everything that must be judged: what ships in every profile that can run, and whatever the baseline has besides.

    Of a file whose runtime is of another system that is its size, and what the baseline has of it from one that ran.

    Args:
        shipped: the manifest's artifacts of role `ship`: id -> runtime.
        profiles: of this run, skipped ones included.
        baseline: what the run is held against.
        whole: the run has every profile there is; else the baseline's other profiles are not asked for.
    """
    here = [f"{p.name}/{length}" for p in profiles if not p.skipped for length in p.lengths]
    asked = {profile.name for profile in profiles}
    known = baseline.artifacts if baseline else {}
    items = []
    for name in dict.fromkeys([*shipped, *known]):
        elsewhere = (shipped[name] if name in shipped else known[name].runtime) in EMULATED
        if elsewhere and (name not in known or known[name].runtime in EMULATED):
            items.append(Item("size", name))
            continue
        places = dict.fromkeys(here if name in shipped and not elsewhere else [])
        if name in known:
            places |= dict.fromkeys(place for place in known[name].latency if whole or place.split("/")[0] in asked)
        items += [Item("latency", name, place) for place in places]
        items += [Item("memory", name), Item("size", name), Item("accuracy", name)]
    return items
