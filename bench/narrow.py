"""A manifest and profiles cut down to what a few items need: what `pytest -k` leaves is not worth a whole weighing."""

from collections.abc import Collection, Sequence

from bench.gate import Item
from bench.results import Profile
from compress.manifest import Manifest


def narrow(manifest: Manifest, profiles: Sequence[Profile], items: Collection[Item]) -> tuple[Manifest, list[Profile]]:
    """Their artifacts with the reference, and their profiles with those that are measured for them."""
    ids = {manifest.reference, *(item.artifact for item in items)}
    names = {item.place.split("/")[0] for item in items if item.place}
    names |= {profile.same_as for profile in profiles if profile.name in names and profile.same_as}
    artifacts = [artifact for artifact in manifest.artifacts if artifact.id in ids]
    return manifest.model_copy(update={"artifacts": artifacts}), [p for p in profiles if p.name in names]
