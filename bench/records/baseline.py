"""`baselines/<recipe>.json`: the figures that a run is compared with, and the thresholds. It is reviewed like code."""

import re
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, Field, NonNegativeFloat, PositiveInt, ValidationError, field_validator
from tabulate import tabulate

from pocketbert.bench.records.results import Accuracy, Machine, Measured, Metric, Place, Ratios, Results
from pocketbert.bench.records.rows import of_other_texts
from pocketbert.bench.records.updates import Known, Update, accepted
from pocketbert.compress.base.errors import BadInput, printable
from pocketbert.compress.base.explain import explain
from pocketbert.compress.base.files import read_json
from pocketbert.compress.base.strict import FileName, Strict

SCHEMA = 2
FOLDER = Path("baselines")
PINNED = "pinned"
"""Folder of the pinned baselines in it."""
_SHA256 = "^[0-9a-f]{64}$"
_METRICS: tuple[Metric, ...] = ("latency", "memory", "size", "accuracy")
_OF_A_RUN: dict[str, Any] = {"drop": None, "confusion": [], "entities": {}}
"""Fields of a score that no later run is compared with."""
_LARGEST = 0.99
_WILDCARD = re.compile(r"[*?]|\[.*?\]")


def _below_one(limit: float) -> float:
    if not 0 <= limit < 1:
        meant = f"; {limit:g} is {100 * limit:g} %, did you mean {limit / 100:g}?" if 1 <= limit < 100 else ""
        raise ValueError(f"expected a number, 0 or more and less than 1{meant}")
    return limit


Limit = Annotated[float, AfterValidator(_below_one)]
"""A fraction that is allowed at most."""


class Thresholds(Strict):
    """Allowed changes for the worse: fractions of the baseline's figure; for accuracy the drop (0.010 = 1 pp).

    `artifacts` has other limits for some artifacts: pattern of their ids -> metric -> limit.
    """

    latency: Limit = 0.03
    memory: Limit = 0.05
    size: Limit = 0.01
    accuracy: Limit = 0.010
    artifacts: dict[str, dict[Metric, Limit]] = {}

    def of(self, metric: Metric, artifact: str) -> float:
        """Return the limit of one artifact: by the most specific pattern that fits it and has a limit of the metric.

        A pattern is as specific as it has characters besides its wildcards; of equal ones the first counts.
        """
        fits = {
            p: limits[metric] for p, limits in self.artifacts.items() if metric in limits and fnmatchcase(artifact, p)
        }
        usual: float = getattr(self, metric)
        return fits[max(fits, key=lambda pattern: len(_WILDCARD.sub("", pattern)))] if fits else usual

    def times(self, factor: float) -> dict[str, Any]:
        """Return all limits, multiplied, and 0.99 at most."""
        usual: dict[str, Any] = {metric: min(factor * getattr(self, metric), _LARGEST) for metric in _METRICS}
        each = {p: {m: min(factor * x, _LARGEST) for m, x in limits.items()} for p, limits in self.artifacts.items()}
        return usual | {"artifacts": each}

    def __str__(self) -> str:
        groups = {"": {metric: getattr(self, metric) for metric in _METRICS}, **self.artifacts}
        said = {
            name: ", ".join(
                f"{metric} {100 * limit:.1f} {'pp' if metric == 'accuracy' else '%'}" for metric, limit in each.items()
            )
            for name, each in groups.items()
        }
        return "; ".join(f"{name}: {limits}" if name else limits for name, limits in said.items())


class Entry(Strict):
    """One exported artifact. Latencies are ratios to the reference timed in the same run, never milliseconds.

    An artifact for another platform has only a size. The digests are names in the artifact store
    (`pocketbert.bench.records.store`), from which the files can be run again.
    """

    runtime: str
    inputs: dict[str, str] | None = None
    sha256: str = Field(pattern=_SHA256)
    tokenizer_sha256: str = Field(pattern=_SHA256)
    positions: PositiveInt | None = None
    bytes: PositiveInt
    deflated_bytes: PositiveInt
    accuracy: Accuracy | None
    memory_own_mib: NonNegativeFloat | None
    latency: Ratios


class Reference(Strict):
    """Identifies the reference model; ratios to different references are not comparable.

    `sha256` is set only if `parameters` or `macs` is unknown.
    """

    runtime: str
    parameters: int | None
    macs: int | None
    sha256: str | None = None


class Baseline(Strict):
    """One baseline file."""

    format: int = Field(SCHEMA, alias="schema")
    recipe: FileName
    created: str
    machine: Machine  # of the latencies and memory figures
    reference: Reference
    thresholds: Thresholds
    artifacts: dict[str, Entry]
    updates: list[Update] = []  # that led here, oldest first

    @field_validator("artifacts")
    @classmethod
    def _not_empty(cls, artifacts: dict[str, Entry]) -> dict[str, Entry]:
        if not artifacts:
            raise ValueError("no artifact is listed, so nothing would be compared; restore the file")
        return artifacts


def load_baseline(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        BadInput: the file is missing, not JSON, or has another schema.
    """
    usual = path.parent.name == FOLDER.name
    update = f"pocketbert baseline update {path.stem if usual else 'RECIPE'}"
    hint = f"no such baseline; write it with: {update}"
    fix = f"; rewrite it with: {update}" if PINNED not in path.parts else "; delete it, and pin again"
    return read_json(path, Baseline, SCHEMA, hint, fix)


def check_patterns(thresholds: Thresholds, artifacts: Collection[str], path: Path) -> None:
    """Refuse limits of no artifact: they would hold for nothing.

    Args:
        path: of the baseline, for the message.
    """
    for pattern in thresholds.artifacts:
        if not any(fnmatchcase(name, pattern) for name in artifacts):
            names = ", ".join(artifacts)
            raise BadInput(
                f"{path}: thresholds.artifacts: {pattern!r} fits none of {names}; correct the pattern, or remove it"
            )


def check_replaces(old: Baseline, results: Results, path: Path) -> None:
    """Refuse results that are no successor of the baseline: of another recipe, or without some of its profiles.

    Args:
        path: of the baseline, for the message.
    """
    if old.recipe != results.recipe:
        raise BadInput(
            f"{path}: baseline of recipe {old.recipe!r}, but the results are of recipe {results.recipe!r}; name "
            "another file with --baseline"
        )
    check_patterns(old.thresholds, [artifact.id for artifact in results.artifacts if artifact.role == "ship"], path)
    asked = {profile.name for profile in results.profiles}
    timed = {Place.parse(place).profile for entry in old.artifacts.values() for place in entry.latency}
    if left_out := sorted(timed - asked):
        raise BadInput(
            f"{path}: it has the profiles {', '.join(left_out)}, which these results leave out; run the gate with all "
            "profiles, or delete the file to begin a new baseline"
        )


def make_baseline(results: Results, old: Baseline | None) -> Baseline:
    """Return the baseline of these results, with the thresholds of the old one.

    Raises:
        BadInput: an exported artifact is not completely measured, or there is none.
    """
    if results.part:
        raise BadInput(f"results of {results.recipe!r}: only a part was measured; run the gate without -k and -m")
    shipped = [artifact for artifact in results.artifacts if artifact.role == "ship"]
    if not shipped:
        raise BadInput(
            f"results of {results.recipe!r}: no artifact has the role 'ship', so there is nothing to compare"
        )
    return Baseline(
        schema=SCHEMA,
        recipe=results.recipe,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=results.machine,
        reference=reference_of(results),
        thresholds=old.thresholds if old else Thresholds(),
        artifacts={artifact.id: _entry(artifact) for artifact in shipped},
        updates=[*old.updates, accepted(results, old.created, _known(old, results))] if old else [],
    )


def _known(old: Baseline, results: Results) -> dict[str, Known]:
    """Return the artifacts of a replaced baseline; their ratios only if they compare with those of the results."""
    comparable = old.reference == reference_of(results) and old.machine.fingerprint == results.machine.fingerprint
    scores = {artifact.id: artifact.accuracy for artifact in results.artifacts}
    known = {}
    for name, entry in old.artifacts.items():
        was, now = entry.accuracy, scores.get(name)
        ratios = {p: r for p, r in entry.latency.items() if not of_other_texts(Place.parse(p), was, now)}
        known[name] = Known(entry.sha256, ratios if comparable else {})
    return known


def reference_of(results: Results) -> Reference:
    """Return what identifies the reference of these results, for latency ratios."""
    reference = results.artifact(results.reference)
    unsized = reference.parameters is None or reference.macs is None
    return Reference(
        runtime=reference.runtime,
        parameters=reference.parameters,
        macs=reference.macs,
        sha256=reference.sha256 if unsized else None,
    )


def _entry(measured: Measured) -> Entry:
    if measured.failures or not measured.size or not (measured.not_run or (measured.accuracy and measured.memory)):
        why = "; ".join(map(str, measured.failures)) or "not everything was measured"
        raise BadInput(f"{measured.id}: {why}; a baseline needs a run without failures")
    try:
        return Entry(
            runtime=measured.runtime,
            inputs=measured.inputs,
            positions=measured.positions,
            sha256=measured.sha256,
            tokenizer_sha256=measured.tokenizer_sha256,
            bytes=measured.size.bytes,
            deflated_bytes=measured.size.deflated_bytes,
            accuracy=measured.accuracy.model_copy(update=_OF_A_RUN) if measured.accuracy else None,
            memory_own_mib=measured.memory.own_mib if measured.memory else None,
            latency={str(entry.place): entry.ratio for entry in measured.latency},
        )
    except ValidationError as error:
        raise BadInput(f"{measured.id}: {explain(error, Entry)}; run the gate again") from error


def describe(baseline: Baseline) -> str:
    """Return the baseline as a table, with its machine and thresholds."""
    rows = [
        [printable(name), printable(quantity), _shown(value)]
        for name, entry in baseline.artifacts.items()
        for quantity, value in _figures(entry).items()
    ]
    table = tabulate(rows, headers=["artifact", "", "baseline"], disable_numparse=True)
    machine = printable(f"{baseline.machine.cpu} ({baseline.machine.fingerprint})")
    limits = printable(str(baseline.thresholds))
    return f"{table}\n\nmachine: {machine}\nthresholds: {limits}\nwritten: {printable(baseline.created)}"


class Difference(NamedTuple):
    """One figure of an artifact in two baselines; None: the baseline does not have it."""

    artifact: str
    quantity: str
    baseline: float | None
    new: float | None


def differences(old: Baseline | None, new: Baseline) -> Iterator[Difference]:
    """Yield the figures of both baselines, artifact by artifact."""
    before = old.artifacts if old else {}
    for name in sorted({*before, *new.artifacts}):
        was, now = _figures(before.get(name)), _figures(new.artifacts.get(name))
        for quantity in dict.fromkeys([*was, *now]):
            yield Difference(name, quantity, was.get(quantity), now.get(quantity))


def diff(old: Baseline | None, new: Baseline) -> str:
    """Return the changes from `old` to `new`, artifact by artifact, as a table."""
    entries = [entry for baseline in (old, new) if baseline for entry in baseline.artifacts.values()]
    metrics = {entry.accuracy.metric for entry in entries if entry.accuracy}
    rows = [
        [printable(each.artifact), printable(each.quantity), *_change(each, points=each.quantity in metrics)]
        for each in differences(old, new)
    ]
    headers = ["artifact", "", "baseline", "", "new", "change"]
    sides = ("left", "left", "right", "left", "right", "right")
    table = tabulate(rows, headers=headers, disable_numparse=True, colalign=sides)
    machine = f"machine: {new.machine.cpu} ({new.machine.fingerprint})"
    if old and old.machine.fingerprint != new.machine.fingerprint:
        machine += f", was {old.machine.cpu} ({old.machine.fingerprint})"
    return f"{table}\n\n{printable(machine)}"


def _figures(entry: Entry | None) -> dict[str, float]:
    if entry is None:
        return {}
    return {
        "bytes": entry.bytes,
        "zipped bytes": entry.deflated_bytes,
        **({entry.accuracy.metric: entry.accuracy.value} if entry.accuracy else {}),
        **({"model memory, MiB": entry.memory_own_mib} if entry.memory_own_mib is not None else {}),
        **{f"latency {place}, × teacher": ratio.estimate for place, ratio in entry.latency.items()},
    }


def _change(figure: Difference, points: bool) -> tuple[str, str, str, str]:
    """Return the cells of a figure: both values and the change, in percentage points or relative to the baseline."""
    was, now = figure.baseline, figure.new
    if was is None or now is None:
        change = "new" if was is None else "gone"
    elif was == now:
        change = "same"
    elif points:
        change = f"{_signed(100 * (now - was))} pp"
    else:
        change = f"{_signed(100 * (now / was - 1))} %" if was else "was 0"
    return _shown(was), "->", _shown(now), change


def _signed(value: float) -> str:
    """Format with one decimal and the minus sign of the reports; zero has no sign."""
    size = f"{abs(value):,.1f}"
    return size if size == "0.0" else f"{'−' if value < 0 else '+'}{size}"


def _shown(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
