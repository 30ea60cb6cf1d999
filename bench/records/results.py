"""`reports/<recipe>.json`: every number of a run. Reports are drawn from it, baselines are cut from it.

Units stand in the names: ``_ms`` milliseconds, ``_mib`` mebibytes, ``bytes`` bytes; metrics and drops are fractions
(0.010 is one point); a latency ratio is artifact over reference, timed in turn in the same run.
"""

from pathlib import Path
from typing import Any, Literal, Self, get_args

import numpy as np
from pydantic import Field, model_validator

from pocketbert.bench.stats.intervals import Interval
from pocketbert.compress.base.files import read_json
from pocketbert.compress.base.strict import Strict
from pocketbert.compress.manifest import LinearControl, Parity, Step, TaskSpec
from pocketbert.compress.tasks import Outcomes

REST = "rest"
MIX = "mix"
"""The length that stands for the real lengths of the test split."""
SCHEMA = 2
P90_ALONE = "P90 alone"
"""The note of a verdict that P50 would not have made."""
Outcome = Literal["ok", "improved", "regressed", "inconclusive", "no-baseline", "missing"]
Metric = Literal["latency", "memory", "size", "accuracy"]
METRICS: tuple[Metric, ...] = get_args(Metric)


class Latency(Strict):
    """Single requests (batch 1) of one artifact in one profile at one length."""

    profile: str
    length: str  # "128", "32", … or "mix": the real lengths of the test split
    runs: int
    p50_ms: float
    p90_ms: float
    ratio: Interval  # P50 over the reference's P50; 1 for the reference itself
    samples_ms: list[float]
    neighbours: float = 0.0  # share of the cores that other processes took meanwhile


class Paired(Strict):
    """A shipped artifact beside the baseline's own, in pairs of fresh processes timed in turn: latency is judged by it.

    Changes are relative: 0.05 is 5 % slower. Their intervals hold at every look at once
    (`pocketbert.bench.stats.sequential`).
    """

    artifact: str
    profile: str
    length: str
    against: str  # what the other process of a pair held
    outcome: Literal["ok", "improved", "regressed", "inconclusive"]
    change: Interval  # of P50
    change_p90: Interval
    limit: float
    logs: list[float]  # pair by pair, log of the ratio of P50
    logs_p90: list[float]
    preempted: float  # share of the runs that lost their core
    seconds: float
    note: str = ""  # why it stopped, where that is not the interval
    baseline_ms: list[float] = []  # the requests that were compared, pair after pair
    candidate_ms: list[float] = []

    @property
    def place(self) -> str:
        """As the baseline and the gate's items name it."""
        return f"{self.profile}/{self.length}"


class OnPhone(Strict):
    """Single requests on a real device, timed by somebody else's means: shown, marked as such, and never judged."""

    device: str = Field(min_length=1)
    artifact: str
    length: str  # as in `Latency`
    p50_ms: float = Field(gt=0, allow_inf_nan=False)
    p90_ms: float | None = Field(None, gt=0, allow_inf_nan=False)
    threads: int | None = Field(None, gt=0)
    runs: int | None = Field(None, gt=0)
    peak_mib: float | None = Field(None, gt=0, allow_inf_nan=False)
    sha256: str | None = None  # of the file that ran there; refused where it is not the one weighed here
    note: str = ""


class Memory(Strict):
    """Resident memory of a child that holds this artifact alone."""

    imports_mib: float  # VmHWM after the runtime is imported
    load_mib: float  # VmHWM after the artifact is loaded
    peak_mib: float  # VmHWM at the end
    own_mib: float  # the artifact's share: growth of anonymous memory since the imports, and its mapped files
    series: list[tuple[float, float]]  # seconds since the child started, RSS in MiB (memory-profiler)


class Size(Strict):
    bytes: int
    deflated_bytes: int  # as an app bundle carries it
    parts: dict[str, int] = {}  # bytes on disk of embeddings, attention, FFN, head and the rest; empty where unknown


class Accuracy(Strict):
    """The file itself on the whole test split, in its own runtime."""

    metric: str
    value: float
    scores: dict[str, float]
    rows: int
    drop: Interval | None  # reference minus this one, paired; None for the reference
    correct: str  # hexadecimal; one bit per test row (numpy.packbits, big-endian), or `counts` × uint16, little-endian
    counts: int = 0  # of entities: found, claimed, true
    test_sha256: str
    reused: bool = False  # taken over from an earlier weighing of the same file, rows, libraries and machine


class FlippedRow(Strict):
    """A test row that one of two models gets wrong; its text may be cut."""

    row: int
    text: str
    label: str  # the right one


class Flips(Strict):
    """The rows on which a shipped artifact and what it is held against differ in being right; some are listed."""

    artifact: str
    against: str
    lost: int
    won: int
    lost_rows: list[FlippedRow]
    won_rows: list[FlippedRow]


class Weighed(Strict):
    """Everything measured on one artifact. A part is None when it could not be measured; `failures` says why.

    What is `dense` but for its zeros has no latency: no runtime here has a sparse kernel that would make one its own.
    Of a file whose runtime is not on this system (`not_run`) nothing but the size is.
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
    parity: Parity | None
    dense: str | None = None
    dense_deflated_bytes: int | None = None
    size: Size | None = None
    accuracy: Accuracy | None = None
    memory: Memory | None = None
    latency: list[Latency] = []
    tokenizer_p50_ms: float | None = None
    not_run: bool = False
    failures: list[str] = []

    @model_validator(mode="after")
    def _zeros_are_not_timed(self) -> Self:
        if self.dense and self.latency:
            raise ValueError(f"{self.id} is {self.dense} with zeros; legal: no latency but that one's")
        return self


class Profile(Strict):
    """A simulated device: what was asked for and what was seen in force, or why it was skipped."""

    name: str
    threads: int
    cores: list[int] = []
    lengths: list[str] = []
    skipped: str | None = None
    same_as: str | None = None  # the profile with the same threads, cores and lengths whose figures these are


class Machine(Strict):
    """The fingerprint: two runs are compared as if on one machine only when `fingerprint` agrees."""

    cpu: str
    generation: str = ""  # what stands behind the name: vendor, family, model, stepping
    flags: list[str]
    cores: int
    quota: float | None = None  # of the cgroup, in cores
    smt_siblings: list[list[int]] = []  # of the usable cores, those that share a physical one
    governor: str | None = None
    memory_mib: int
    kernel: str
    python: str
    versions: dict[str, str]
    fingerprint: str


class Verdict(Strict):
    """One judged quantity. `measured` and `interval` are in the unit that `message` names."""

    metric: Metric
    artifact: str
    profile: str | None  # "mobile-1t/128" for latency, else None
    outcome: Outcome
    gated: bool
    baseline: float | None
    measured: float | None
    interval: Interval | None
    threshold: float
    message: str  # one line: metric, artifact, profile, baseline, measured, interval, threshold
    note: str = ""  # of the message, what was found or why nothing was: many verdicts may share it
    fails: bool = False  # makes the run red, under the strictness it was judged by


class Changed(Strict):
    """One thing inside an artifact that is not what it was; `was` and `now` are words, empty where there is none."""

    what: str
    was: str
    now: str
    cost: float | None = None  # by how much more it takes, in `unit`; negative: less
    unit: Literal["", "ms", "bytes"] = ""  # milliseconds are per request


class Why(Strict):
    """What changed inside an artifact whose latency or size is `regressed` (`pocketbert.bench.verdicts.why`)."""

    artifact: str
    metrics: list[Literal["latency", "size"]]
    evidence: dict[str, list[Changed]]  # kind (operators, tensors, libraries) -> what changed, the costliest first
    silent: list[str] = []  # evidence that could not be had, and why


class Results(Strict):
    format: int = Field(SCHEMA, alias="schema")
    recipe: str
    created: str  # ISO 8601, UTC
    commit: str | None = None  # that was checked out; None: outside of a Git repository
    command: str
    build_command: str = ""
    seconds: float
    reference: str
    max_drop: float
    confidence: float = 0.95  # of the intervals of drops
    task: TaskSpec | None = None  # None: written when classification was all there was
    machine: Machine
    profiles: list[Profile]
    artifacts: list[Weighed]
    steps: list[Step] = []
    linear_control: LinearControl | None = None
    baseline: str | None = None
    paired: list[Paired] = []
    unpaired: dict[str, str] = {}  # shipped artifact -> why it was not timed beside the baseline's
    same_file: list[str] = []  # shipped artifacts that are the baseline's very files, run by the same libraries
    flips: list[Flips] = []
    other_versions: dict[str, str] = {}  # of the interpreter that the baseline's side was run by, if it was another
    verdicts: list[Verdict] = []
    why: list[Why] = []
    phone: list[OnPhone] = []
    part: bool = False  # only some of the items were asked for: no baseline is cut from it, no history kept

    @property
    def name(self) -> str:
        """What the files of this run are called: a part never replaces the whole."""
        return f"{self.recipe}.part" if self.part else self.recipe

    def artifact(self, artifact_id: str) -> Weighed:
        """The artifact of that id; KeyError if there is none."""
        return {a.id: a for a in self.artifacts}[artifact_id]


def load_results(path: Path) -> Results:
    """Read a results file.

    Raises:
        BadInput: it is not there, or not of this schema.
    """
    return read_json(path, Results, SCHEMA, "no such results file; pytest bench writes one")


def pack(outcomes: Outcomes) -> dict[str, Any]:
    """The fields ``correct`` and ``counts`` of `Accuracy`."""
    if outcomes.dtype == np.bool_:
        return {"correct": np.packbits(outcomes).tobytes().hex(), "counts": 0}
    return {"correct": outcomes.astype("<u2").tobytes().hex(), "counts": outcomes.shape[1]}


def unpack(accuracy: Accuracy) -> Outcomes:
    """Row by row, what the task's metric is reckoned from."""
    stored = bytes.fromhex(accuracy.correct)
    if accuracy.counts:
        width = len(stored) // (accuracy.rows * accuracy.counts)  # older files have one byte
        return np.frombuffer(stored, dtype=f"<u{width}").reshape(accuracy.rows, accuracy.counts)
    return np.unpackbits(np.frombuffer(stored, dtype=np.uint8), count=accuracy.rows).astype(np.bool_)
