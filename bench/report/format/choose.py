"""Selection of what the report shows: places, artifacts, and names in words."""

import re
from collections.abc import Iterable, Sequence

from pocketbert.bench.records.results import MIX, REST, Latency, Measured, Place, Results, Verdict
from pocketbert.bench.report.format.markdown import text
from pocketbert.compress.manifest import Step

HEADLINE = Place("mobile-1t", "128")
PARTS = ("embeddings", "attention", "FFN", "head", REST)
"""The parts of a model file, in the order of the report."""


def reference(results: Results) -> Measured | None:
    """Return the teacher, if it was measured."""
    return next((a for a in results.artifacts if a.id == results.reference), None)


def by_role(results: Results) -> list[Measured]:
    """Return the artifacts: teacher, stages, exported models; within a role in the manifest's order.

    A stage whose model is exported unchanged is left out (`copies`).
    """
    roles, left_out = ("reference", "stage", "ship"), copies(results)
    shown = (a for a in results.artifacts if a.id not in left_out)
    return sorted(shown, key=lambda a: (a.id != results.reference, roles.index(a.role)))


def copies(results: Results) -> dict[str, str]:
    """Return stage -> exported artifact with the same content, runtime and tokenizer, which has the same figures."""
    exported = {_content(a): a.id for a in reversed(results.artifacts) if a.role == "ship"}
    stages = (a for a in results.artifacts if a.role == "stage" and a.id != results.reference and not a.dense)
    return {a.id: exported[_content(a)] for a in stages if _content(a) in exported}


def _content(artifact: Measured) -> tuple[str, str, str]:
    return artifact.runtime, artifact.sha256, artifact.tokenizer_sha256


def timed_places(results: Results) -> list[Place]:
    """Return every place that was timed, in the order of the profiles."""
    names = [p.name for p in results.profiles]
    seen = dict.fromkeys(m.place for a in results.artifacts for m in a.latency)
    return sorted(seen, key=lambda place: names.index(place.profile) if place.profile in names else len(names))


def headline_place(results: Results) -> Place | None:
    """Return the headline's place: mobile-1t/128, else the first that was timed; None if nothing was timed."""
    places = timed_places(results)
    return HEADLINE if HEADLINE in places else next(iter(places), None)


def headline_length(results: Results, lengths: Sequence[str]) -> str:
    """Return the headline's length if it is one of `lengths`, else the first of them."""
    first = headline_place(results)
    return first.length if first and first.length in lengths else lengths[0]


def duplicates(results: Results) -> set[str]:
    """Return the names of the profiles that equal another profile on this machine."""
    return {p.name for p in results.profiles if p.same_as}


def measured_places(results: Results) -> list[Place]:
    """Return the timed places without those of duplicate profiles."""
    return [place for place in timed_places(results) if place.profile not in duplicates(results)]


def one_per_profile(results: Results, places: Iterable[Place]) -> list[Place]:
    """Return one place of each profile in `places`: at the headline's length where the profile has it."""
    lengths: dict[str, list[str]] = {}
    for place in places:
        lengths.setdefault(place.profile, []).append(place.length)
    return [Place(profile, headline_length(results, known)) for profile, known in lengths.items()]


def timing(artifact: Measured, place: Place | None) -> Latency | None:
    """Return an artifact's timing at one place, if there is one."""
    return next((m for m in artifact.latency if m.place == place), None)


def headline_artifact(results: Results) -> Measured | None:
    """Return the exported model of the headline: the fastest there, else the smallest, else the first."""
    place = headline_place(results)

    def rank(artifact: Measured) -> tuple[float, float]:
        found = timing(artifact, place)
        size = artifact.size.bytes if artifact.size else float("inf")
        return found.ratio.estimate if found else float("inf"), size

    return min((a for a in results.artifacts if a.role == "ship"), key=rank, default=None)


def impossible_here(verdict: Verdict) -> bool:
    """Return whether the baseline's profile cannot run on this machine; the report lists such verdicts together."""
    return verdict.outcome == "missing" and not verdict.fails


def profile_names(results: Results, profile: str) -> str:
    """Return a profile with those that are the same on this machine: ``cpu and mobile-2t``."""
    return " and ".join([profile, *(p.name for p in results.profiles if p.same_as == profile)])


def length_in_words(length: str) -> str:
    """Return ``128 tokens``, or the words for natural lengths."""
    return "natural lengths" if length == MIX else f"{length} tokens"


def in_words(place: Place, results: Results | None = None) -> str:
    """Return ``mobile-1t, 128 tokens``; with `results`, the profile's duplicates are named too."""
    profile = profile_names(results, place.profile) if results else place.profile
    return f"{profile}, {length_in_words(place.length)}"


def step_name(step: Step, steps: list[Step]) -> str:
    """Return a step's name without its ordinal (``03-distill`` is ``distill``) if that name is unique."""
    bare = without_ordinal(step.name)
    return text(bare if [without_ordinal(s.name) for s in steps].count(bare) == 1 else step.name)


def without_ordinal(name: str) -> str:
    """Return ``distill`` for ``03-distill``."""
    return re.sub(r"^\d+-(?=.)", "", name)
