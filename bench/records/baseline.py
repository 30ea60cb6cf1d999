"""`baselines/<recipe>.json`: what a run is held against, with the thresholds it is held to. Reviewed like code."""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field
from tabulate import tabulate

from pocketbert.bench.records.results import Accuracy, Machine, Results, Weighed
from pocketbert.bench.stats.intervals import Interval
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import read_json
from pocketbert.compress.base.strict import Strict

SCHEMA = 2
FOLDER = Path("baselines")
_SHA256 = "^[0-9a-f]{64}$"


class Thresholds(Strict):
    """How much worse is too much: fractions of the baseline's figure; for accuracy the drop itself (0.010: a point)."""

    latency: float = 0.05
    memory: float = 0.05
    size: float = 0.01
    accuracy: float = 0.010


class Entry(Strict):
    """One shipped artifact. Latencies are ratios to the reference timed in the same run; no milliseconds.

    Of one whose runtime is of another system there is nothing but the size.

    The digests name objects of the artifact store (`pocketbert.bench.records.store`), which can run them again.
    """

    runtime: str
    inputs: dict[str, str] | None = None
    sha256: str = Field(pattern=_SHA256)
    tokenizer_sha256: str = Field(pattern=_SHA256)
    bytes: int
    deflated_bytes: int
    accuracy: Accuracy | None
    memory_own_mib: float | None
    latency: dict[str, Interval]  # "mobile-1t/128" -> P50 over the reference's


class Yardstick(Strict):
    """The model that the latencies are ratios to; another one makes other ratios.

    `sha256` stands for it where nobody has said how large it is.
    """

    runtime: str
    parameters: int | None
    macs: int | None
    sha256: str | None = None


class Baseline(Strict):
    format: int = Field(SCHEMA, alias="schema")
    recipe: str
    created: str
    machine: Machine  # that the latencies and memory figures come from
    reference: Yardstick
    thresholds: Thresholds
    artifacts: dict[str, Entry]


def load_baseline(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        BadInput: it is not there, not JSON, or of another schema.
    """
    hint = "no such baseline; write one with: pocketbert baseline update RESULTS.json"
    return read_json(path, Baseline, SCHEMA, hint, mend="; rewrite it with: pocketbert baseline update RESULTS.json")


def cut_baseline(results: Results, old: Baseline | None) -> Baseline:
    """The baseline that these results make; thresholds are the old one's.

    Raises:
        BadInput: a shipped artifact is not fully measured, or none is there.
    """
    if results.part:
        raise BadInput(f"results of {results.recipe!r}: only a part was weighed; run the gate without -k and -m")
    shipped = [artifact for artifact in results.artifacts if artifact.role == "ship"]
    if not shipped:
        raise BadInput(
            f"results of {results.recipe!r}: no artifact of role 'ship', there is nothing to hold a run against"
        )
    return Baseline(
        schema=SCHEMA,
        recipe=results.recipe,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=results.machine,
        reference=yardstick(results),
        thresholds=old.thresholds if old else Thresholds(),
        artifacts={artifact.id: _entry(artifact) for artifact in shipped},
    )


def yardstick(results: Results) -> Yardstick:
    """What identifies the reference of these results as far as its speed goes."""
    reference = results.artifact(results.reference)
    unsized = reference.parameters is None or reference.macs is None
    return Yardstick(
        runtime=reference.runtime,
        parameters=reference.parameters,
        macs=reference.macs,
        sha256=reference.sha256 if unsized else None,
    )


def _entry(weighed: Weighed) -> Entry:
    if weighed.failures or not weighed.size or not (weighed.not_run or (weighed.accuracy and weighed.memory)):
        why = "; ".join(weighed.failures) or "not everything was measured"
        raise BadInput(f"{weighed.id}: {why}; a baseline needs a run without failures")
    return Entry(
        runtime=weighed.runtime,
        inputs=weighed.inputs,
        sha256=weighed.sha256,
        tokenizer_sha256=weighed.tokenizer_sha256,
        bytes=weighed.size.bytes,
        deflated_bytes=weighed.size.deflated_bytes,
        accuracy=weighed.accuracy.model_copy(update={"drop": None}) if weighed.accuracy else None,
        memory_own_mib=weighed.memory.own_mib if weighed.memory else None,
        latency={f"{entry.profile}/{entry.length}": entry.ratio for entry in weighed.latency},
    )


def describe(baseline: Baseline) -> str:
    """The baseline as a table, with its machine and thresholds."""
    rows = [
        [name, quantity, _shown(value)]
        for name, entry in baseline.artifacts.items()
        for quantity, value in _figures(entry).items()
    ]
    table = tabulate(rows, headers=["artifact", "", "baseline"], disable_numparse=True)
    limits = ", ".join(f"{metric} {limit:.1%}" for metric, limit in baseline.thresholds.model_dump().items())
    machine = f"{baseline.machine.cpu} ({baseline.machine.fingerprint})"
    return f"{table}\n\nmachine: {machine}\nthresholds: {limits}\nwritten: {baseline.created}"


def diff(old: Baseline | None, new: Baseline) -> str:
    """What changes from `old` to `new`, artifact by artifact, as a table."""
    before = old.artifacts if old else {}
    rows = []
    for name in sorted({*before, *new.artifacts}):
        was, now = _figures(before.get(name)), _figures(new.artifacts.get(name))
        for quantity in dict.fromkeys([*was, *now]):
            rows.append([name, quantity, *_change(was.get(quantity), now.get(quantity))])
    headers = ["artifact", "", "baseline", "", "new", "change"]
    sides = ("left", "left", "right", "left", "right", "right")
    table = tabulate(rows, headers=headers, disable_numparse=True, colalign=sides)
    machine = f"machine: {new.machine.cpu} ({new.machine.fingerprint})"
    if old and old.machine.fingerprint != new.machine.fingerprint:
        machine += f", was {old.machine.cpu} ({old.machine.fingerprint})"
    return f"{table}\n\n{machine}"


def _figures(entry: Entry | None) -> dict[str, float]:
    if entry is None:
        return {}
    return {
        "bytes": entry.bytes,
        "deflated bytes": entry.deflated_bytes,
        **({entry.accuracy.metric: entry.accuracy.value} if entry.accuracy else {}),
        **({"own memory, MiB": entry.memory_own_mib} if entry.memory_own_mib is not None else {}),
        **{f"latency {place}, × reference": ratio.estimate for place, ratio in entry.latency.items()},
    }


def _change(was: float | None, now: float | None) -> tuple[str, str, str, str]:
    if was is None or now is None:
        change = "new" if was is None else "gone"
    elif was == now:
        change = "same"
    else:
        change = f"{now / was - 1:+.1%}" if was else "was 0"
    return _shown(was), "->", _shown(now), change


def _shown(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
