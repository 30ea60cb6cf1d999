"""What a few items need measured: what `pytest -k` and `-m` leave is not worth a whole weighing."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from bench.gate import Item
from bench.results import METRICS, Metric, Profile
from compress.manifest import Manifest


class Needed(NamedTuple):
    """The part of a manifest that is weighed, where, and in which metrics."""

    manifest: Manifest
    profiles: list[Profile]
    metrics: Collection[Metric] = METRICS


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
