"""What the report speaks about first: profile and length of its headline, and the artifact that stands for the rest."""

import re
from collections.abc import Iterator

from pocketbert.bench.records.results import Latency, Results, Verdict, Weighed
from pocketbert.bench.report.format.markdown import text
from pocketbert.compress.manifest import Step

HEADLINE = ("mobile-1t", "128")


def reference(results: Results) -> Weighed | None:
    """The teacher, if it was weighed."""
    return next((a for a in results.artifacts if a.id == results.reference), None)


def ordered(results: Results) -> list[Weighed]:
    """Teacher, then stages, then what ships; within a role as the manifest has them."""
    roles = ("reference", "stage", "ship")
    return sorted(results.artifacts, key=lambda a: (a.id != results.reference, roles.index(a.role)))


def timed(results: Results) -> list[tuple[str, str]]:
    """Every (profile, length) that was timed, in the order of the profiles."""
    names = [p.name for p in results.profiles]
    seen = dict.fromkeys((m.profile, m.length) for a in results.artifacts for m in a.latency)
    return sorted(seen, key=lambda pair: names.index(pair[0]) if pair[0] in names else len(names))


def headline(results: Results) -> tuple[str, str] | None:
    """The (profile, length) of the headline: mobile-1t/128, else the first that was timed; None if none was."""
    pairs = timed(results)
    if HEADLINE in pairs:
        return HEADLINE
    return pairs[0] if pairs else None


def measured(results: Results) -> list[tuple[str, str]]:
    """What was timed, without the profiles that are another one under a second name on this machine."""
    copies = {p.name for p in results.profiles if p.same_as}
    return [pair for pair in timed(results) if pair[0] not in copies]


def per_profile(results: Results) -> Iterator[tuple[str, str]]:
    """One (profile, length) for each measured profile: at the headline's length where the profile has it."""
    pairs = measured(results)
    first = headline(results)
    for profile in dict.fromkeys(profile for profile, _ in pairs):
        lengths = [length for name, length in pairs if name == profile]
        yield profile, first[1] if first and first[1] in lengths else lengths[0]


def latency(artifact: Weighed, where: tuple[str, str] | None) -> Latency | None:
    """The timing of an artifact at one (profile, length), if there is one."""
    return next((m for m in artifact.latency if (m.profile, m.length) == where), None)


def shipped(results: Results) -> Weighed | None:
    """The shipped artifact of the headline: the fastest there, else the smallest, else the first."""
    where = headline(results)

    def rank(artifact: Weighed) -> tuple[float, float]:
        timing = latency(artifact, where)
        return (
            timing.ratio.estimate if timing else float("inf"),
            artifact.size.bytes if artifact.size else float("inf"),
        )

    return min((a for a in results.artifacts if a.role == "ship"), key=rank, default=None)


def absent(verdict: Verdict) -> bool:
    """A profile that the baseline has and this machine cannot run: tolerated, and not worth a line per artifact."""
    return verdict.outcome == "missing" and not verdict.fails


def foreign(verdict: Verdict) -> bool:
    """Not judged because the baseline is from another machine: said once for all of them."""
    return verdict.outcome == "no-baseline" and "another machine" in verdict.message


def names(results: Results, profile: str) -> str:
    """A profile with those that are the same on this machine: ``cpu = mobile-2t``."""
    return " = ".join([profile, *(p.name for p in results.profiles if p.same_as == profile)])


def spoken(profile: str, length: str) -> str:
    """A place in words: ``mobile-1t, 128 tokens``."""
    return f"{profile}, {'real length mix' if length == 'mix' else f'{length} tokens'}"


def plain(step: Step, steps: list[Step]) -> str:
    """A step's name without its ordinal (``03-distill`` is ``distill``) where that still names one step."""
    bare = _bare(step.name)
    return text(bare if [_bare(s.name) for s in steps].count(bare) == 1 else step.name)


def _bare(name: str) -> str:
    return re.sub(r"^\d+-(?=.)", "", name)
