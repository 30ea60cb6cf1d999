"""The schema of `reports/<recipe>.json`: every number of a run, for reports and baselines.

Units are in the names: ``_ms`` milliseconds, ``_mib`` mebibytes, ``bytes`` bytes. Metrics and drops are fractions
(0.010 is one percentage point). A latency ratio is artifact over reference, timed in turn in the same run.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self, get_args

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    model_serializer,
    model_validator,
)

from pocketbert.bench.records.since import Since
from pocketbert.bench.stats.intervals import Interval, Ratio
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import read_json
from pocketbert.compress.base.strict import FileName, Share, Strict
from pocketbert.compress.manifest import LinearControl, Parity, Recorded, Step, TaskSpec

REST = "rest"
MIX = "mix"
"""The length that means the natural lengths of the test split."""
SCHEMA = 2
Outcome = Literal["ok", "improved", "regressed", "inconclusive", "no-baseline", "missing"]
Metric = Literal["size", "memory", "accuracy", "latency"]
METRICS: tuple[Metric, ...] = get_args(Metric)  # in the order of measuring; memory gives a first estimate of the speed
NoBaseline = Literal["new", "size-only", "other-machine", "other-reference", "other-rows"]
"""Why a figure has no counterpart in the baseline to be compared with."""
_PART = "^[^/]+$"  # of a place
_FAILURE = re.compile(r"(?P<metric>\w+)(?: (?P<profile>[^/:]+)(?:/(?P<length>[^:]+))?)?: (?P<words>.*)", re.DOTALL)


class Place(NamedTuple):
    """The profile and length of a latency figure; in files and messages ``mobile-1t/128``."""

    profile: str
    length: str  # "128", "32", … or "mix": the natural lengths of the test split

    def __str__(self) -> str:
        return f"{self.profile}/{self.length}"

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Read ``mobile-1t/128``; raises `ValueError` for another text."""
        profile, _, length = text.partition("/")
        if not profile or not length or "/" in length:
            raise ValueError(f"{text!r} is no profile with a length, such as mobile-1t/128")
        return cls(profile, length)

    def fits(self, *positions: int | None) -> bool:
        """Return whether models with so many positions read requests of this length; None: not known."""
        return not self.length.isdecimal() or all(int(self.length[:20]) <= n for n in positions if n is not None)


def _at_places(latency: dict[str, Ratio]) -> dict[str, Ratio]:
    for place in latency:
        Place.parse(place)
    return latency


Ratios = Annotated[dict[str, Ratio], AfterValidator(_at_places)]
"""``mobile-1t/128`` -> P50 over the reference's."""


class Failure(Strict):
    """One figure that could not be measured, and why; in files ``latency mobile-1t/128: the child was killed``."""

    metric: Metric
    words: str
    profile: str | None = None
    length: str | None = None  # None: every length of the profile

    def __str__(self) -> str:
        where = "/".join(filter(None, (self.profile, self.length)))
        return f"{f'{self.metric} {where}'.strip()}: {self.words}"

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        found = _FAILURE.fullmatch(value) if isinstance(value, str) else None
        return found.groupdict() if found else value

    @model_serializer
    def _as_text(self) -> str:
        return str(self)


class Latency(Strict):
    """Single requests (batch 1) of one artifact in one profile at one length."""

    profile: str = Field(pattern=_PART)
    length: str = Field(pattern=_PART)
    runs: int = Field(gt=0)
    p50_ms: PositiveFloat
    p90_ms: PositiveFloat
    sets: int = Field(default=3, gt=0)  # of processes; the samples are split evenly among them
    ratio: Ratio  # P50 over the reference's P50; 1 for the reference itself
    samples_ms: list[NonNegativeFloat]
    neighbours: NonNegativeFloat = 0.0  # share of the cores that other processes took meanwhile

    @property
    def place(self) -> Place:
        """Profile and length."""
        return Place(self.profile, self.length)


class Paired(Strict):
    """An exported artifact and the baseline's file, timed in pairs of fresh processes: the data of a latency verdict.

    Changes are relative (0.05 is 5 % slower); their intervals hold at every look (`pocketbert.bench.stats.sequential`).
    """

    artifact: str
    profile: str = Field(pattern=_PART)
    length: str = Field(pattern=_PART)
    against: str  # SHA-256 of the file, or the interpreter, of the other process
    outcome: Literal["ok", "improved", "regressed", "inconclusive"]
    change: Interval  # of P50
    change_p90: Interval
    limit: NonNegativeFloat
    logs: list[float]  # log of the ratio of P50, one per pair
    logs_p90: list[float]
    preempted: Share  # share of preempted runs
    seconds: NonNegativeFloat
    p90_alone: bool = False  # regressed by P90, while P50 did not
    note: str = ""  # why the test stopped, if not by the interval
    baseline_ms: list[NonNegativeFloat] = []  # of the compared requests, pair after pair
    candidate_ms: list[NonNegativeFloat] = []

    @property
    def place(self) -> Place:
        """Profile and length."""
        return Place(self.profile, self.length)


class OnPhone(Strict):
    """Single requests on a real device, timed by the user: reports show them, the gate does not compare them."""

    device: str = Field(min_length=1)
    artifact: str
    length: str  # as in `Latency`
    p50_ms: PositiveFloat
    p90_ms: PositiveFloat | None = None
    threads: int | None = Field(None, gt=0)
    runs: int | None = Field(None, gt=0)
    peak_mib: PositiveFloat | None = None
    sha256: str | None = None  # of the file on the device; it must be the file measured here
    note: str = ""


class Memory(Strict):
    """Resident memory of a child that holds this artifact alone."""

    imports_mib: PositiveFloat  # VmHWM after the runtime is imported
    load_mib: PositiveFloat  # VmHWM after the artifact is loaded
    peak_mib: PositiveFloat  # VmHWM at the end
    own_mib: NonNegativeFloat  # of the model: growth of anonymous memory since the imports, and its mapped files
    series: list[tuple[float, float]]  # seconds since the child started, RSS in MiB (memory-profiler)


class TensorSize(Strict):
    """One tensor of an artifact; its name is that of the checkpoint's tensor, where the file tells."""

    name: str
    part: str  # as in `Size.parts`
    dtype: str
    shape: list[NonNegativeInt]
    bytes: NonNegativeInt


class Size(Strict):
    """Size on disk."""

    bytes: int = Field(gt=0)
    deflated_bytes: int = Field(gt=0)  # compressed with DEFLATE, as in an app bundle
    parts: dict[str, NonNegativeInt] = {}  # bytes on disk of embeddings, attention, FFN, head, rest; empty if unknown
    tensors: list[TensorSize] = []  # the largest ones


class Accuracy(Strict):
    """The exported file's scores on the whole test split, in its own runtime."""

    metric: str
    value: Share
    scores: dict[str, Share]
    rows: int = Field(gt=0)
    drop: Interval | None  # reference minus this artifact, paired; None for the reference
    correct: str  # hexadecimal; one bit per test row (numpy.packbits, big-endian), or `counts` × uint16, little-endian
    counts: Literal[0, 3] = 0  # per row of entities: found, predicted, true
    test_sha256: str
    confusion: list[list[NonNegativeInt]] = []  # true label × predicted label; empty if a row has several
    entities: dict[str, tuple[NonNegativeInt, NonNegativeInt, NonNegativeInt]] = {}  # type -> `counts` over all rows
    reused: bool = False  # from an earlier run with the same file, rows, libraries and machine

    @model_validator(mode="after")
    def _one_outcome_per_row(self) -> Self:
        each = self.rows * self.counts
        allowed = (each, 2 * each) if self.counts else (-(-self.rows // 8),)  # older files have one byte per count
        if not re.fullmatch("([0-9a-f]{2})*", self.correct) or len(self.correct) // 2 not in allowed:
            raise ValueError(f"correct: {len(self.correct)} characters do not hold the outcomes of {self.rows} rows")
        return self


class FlippedRow(Strict):
    """A test row that one of two models gets wrong."""

    row: int
    text: str = ""  # shortened; only with --gate-show-texts
    label: str  # the correct label


class Flips(Strict):
    """Prediction flips of an exported artifact: `lost` counts regressions, `won` counts fixes; some rows are listed."""

    artifact: str
    against: str
    lost: int
    won: int
    lost_rows: list[FlippedRow]
    won_rows: list[FlippedRow]


class Measured(Strict):
    """All figures of one artifact. A figure is None if it could not be measured; `failures` says why.

    `dense` names the artifact this one is a sparse copy of. It is not timed: the kernels are dense, so its latency is
    that artifact's. `not_run`: its runtime is not available here, so only its size is measured.
    """

    id: str
    role: Literal["reference", "stage", "ship"]
    runtime: str
    precision: str
    inputs: dict[str, str] | None = None
    made_from: str | None
    sha256: str
    tokenizer_sha256: str
    parameters: int | None
    macs: int | None
    positions: int | None = None  # tokens of the longest text that it reads
    lengths: list[int] = []  # a text is padded to the next of them; empty: no text is padded
    parity: Parity | None
    dense: str | None = None
    dense_deflated_bytes: int | None = None
    size: Size | None = None
    accuracy: Accuracy | None = None
    memory: Memory | None = None
    latency: list[Latency] = []
    tokenizer_p50_ms: NonNegativeFloat | None = None
    unknown_share: Share | None = None  # of unknown tokens among the tokens of the test rows
    unseen: Share | None = None  # the metric on the test rows that are not in train, if some are
    not_run: bool = False
    failures: list[Failure] = []

    @model_validator(mode="after")
    def _zeros_are_not_timed(self) -> Self:
        if self.dense and self.latency:
            raise ValueError(f"{self.id} is a sparse copy of {self.dense} and must have no latency of its own")
        return self


class Profile(Strict):
    """A simulated device with its threads and cores; `skipped` says why this machine cannot run it."""

    name: str
    threads: int
    cores: list[int] = []
    lengths: list[str] = []
    skipped: str | None = None
    same_as: str | None = None  # the profile with the same threads, cores and lengths, which was measured


class Machine(Strict):
    """The machine of a run. Latency and memory are compared between runs with the same `fingerprint` only."""

    cpu: str
    generation: str = ""  # vendor, family, model, stepping
    flags: list[str]
    cores: int
    quota: float | None = None  # of the cgroup, in cores
    smt_siblings: list[list[int]] = []  # usable cores that share a physical core
    governor: str | None = None
    memory_mib: int
    kernel: str
    python: str
    versions: dict[str, str]
    fingerprint: str

    def changed_versions(self, before: Mapping[str, str]) -> dict[str, tuple[str, str]]:
        """Return library -> (version in `before`, version here) where the two differ; "" where there is none."""
        names = sorted({*before, *self.versions})
        both = {name: (before.get(name, ""), self.versions.get(name, "")) for name in names}
        return {name: (was, now) for name, (was, now) in both.items() if was != now}


class Verdict(Strict):
    """The comparison of one figure with the baseline. `message` names the unit of `measured` and `interval`."""

    metric: Metric
    artifact: str
    profile: str | None  # "mobile-1t/128" for latency, else None
    outcome: Outcome
    gated: bool
    baseline: float | None
    measured: float | None
    interval: Interval | None
    change: Interval | None = None  # relative, for accuracy a difference (negative: worse); None: not compared
    threshold: Share
    message: str  # one line: metric, artifact, profile, baseline, measured, interval, threshold
    note: str = ""  # the part of the message that several verdicts may share
    why: NoBaseline | None = None  # with the outcome no-baseline
    fails: bool = False  # whether the run fails, with or without --gate-strict as given


class Changed(Strict):
    """One change inside an artifact; `was` and `now` are texts, empty if it was added or removed."""

    what: str
    was: str
    now: str
    cost: float | None = None  # increase in `unit`; negative: decrease
    unit: Literal["", "ms", "bytes"] = ""  # milliseconds are per request


class Why(Strict):
    """The changes inside an artifact whose latency or size `regressed` (`pocketbert.bench.verdicts.why`)."""

    artifact: str
    metrics: list[Literal["latency", "size"]]
    evidence: dict[str, list[Changed]]  # kind (operators, tensors, libraries) -> changes, largest increase first
    silent: list[str] = []  # kinds of evidence that are not available, and why


class Results(Strict):
    """One results file."""

    format: int = Field(SCHEMA, alias="schema")
    recipe: FileName
    created: str  # ISO 8601, UTC
    commit: str | None = None  # None: outside a Git repository
    subject: str = ""  # first line of the commit's message
    pull_request: str = ""  # its address, if CI runs for one
    command: str
    build_command: str = ""
    seconds: NonNegativeFloat
    reference: str
    max_drop: Share
    confidence: float = Field(default=0.95, gt=0, lt=1)  # of the intervals of drops
    task: TaskSpec | None = None  # None: a file from before there were other tasks than classification
    undecided: str = ""  # why the test rows cannot tell a good model from a bad one, if they cannot
    in_train: NonNegativeInt = 0  # test rows whose text is in train too, or nearly
    machine: Machine
    profiles: list[Profile]
    artifacts: list[Measured]
    steps: list[Step] = []
    linear_control: LinearControl | None = None
    recorded: list[Recorded] = []
    baseline: str | None = None
    paired: list[Paired] = []
    unpaired: dict[str, str] = {}  # exported artifact -> why it was not timed in pairs with the baseline's
    same_file: list[str] = []  # exported artifacts with the same file and libraries as in the baseline
    flips: list[Flips] = []
    other_versions: dict[str, str] = {}  # of --gate-baseline-python
    verdicts: list[Verdict] = []
    why: list[Why] = []
    since: list[Since] = []  # the updates of the baseline since each pinned one
    phone: list[OnPhone] = []
    machine_info: dict[str, str] = {}  # from the hooks of `pocketbert.bench.gate.hookspec`
    figures: dict[str, dict[str, float]] = {}  # artifact -> figures from these hooks
    part: bool = False  # selected items only: it becomes no baseline and is not in the history

    @property
    def name(self) -> str:
        """The name of this run's files; a partial run never replaces a complete one."""
        return f"{self.recipe}.part" if self.part else self.recipe

    def artifact(self, artifact_id: str) -> Measured:
        """Return the artifact with that id; KeyError if there is none."""
        return {a.id: a for a in self.artifacts}[artifact_id]


def load_results(path: Path) -> Results:
    """Read a results file.

    Raises:
        BadInput: the file is missing, has another schema, or its reference is not in it.
    """
    found = read_json(path, Results, SCHEMA, f"no such results file; pocketbert gate {path.stem} writes one")
    if found.reference not in [artifact.id for artifact in found.artifacts]:
        raise BadInput(f"{path}: reference {found.reference!r} is not among the artifacts; run the gate again")
    return found
