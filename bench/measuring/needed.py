"""What a run has to measure: artifacts, profiles and metrics."""

from collections.abc import Collection
from typing import NamedTuple

from pocketbert.bench.records.results import METRICS, Metric, Profile
from pocketbert.compress.manifest import Manifest


class Needed(NamedTuple):
    """The part of a manifest that is weighed, where, and in which metrics."""

    manifest: Manifest
    profiles: list[Profile]
    metrics: Collection[Metric] = METRICS
