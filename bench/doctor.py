"""`pocketbert doctor`: what this machine can settle, and what to mend so that it can settle more."""

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import stdev

import numpy as np
import psutil

from pocketbert.bench.gate.options import BUDGET_S
from pocketbert.bench.machine.cores import can_pin, usable_cores
from pocketbert.bench.machine.fingerprint import read_machine
from pocketbert.bench.machine.neighbours import Neighbours
from pocketbert.bench.machine.profiles import load_profiles
from pocketbert.bench.measuring.pairs import Side, SideFailed, time_pair
from pocketbert.bench.records.baseline import Thresholds
from pocketbert.bench.records.results import Machine, Profile
from pocketbert.bench.stats.sequential import detectable
from pocketbert.bench.workers.child import Child, ChildFailed
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet

PAIRS = 8
"""Of the probe with itself, per profile."""
_QUIET = 0.05
_COARSE = 0.10
_SHOWN = 3
_WATCH_S = 2.0
_WAITS = 100
"""Requests of the other one meanwhile."""


@dataclass(frozen=True)
class Finding:
    """One line of the report; `mend` is what a person can do about it."""

    name: str
    text: str
    mend: str = ""


def examine(progress: Progress) -> Iterator[Finding]:
    """Everything there is to say, each finding as soon as it is measured; less than a minute altogether."""
    cores = usable_cores()
    profiles = load_profiles()
    timed = [profile for profile in profiles if not profile.skipped and not profile.same_as]
    yield from _machine(read_machine(), cores)
    neighbours = Neighbours(cores, [])
    time.sleep(_WATCH_S)
    yield _busy(neighbours.share(), len(cores))
    quiet()
    with tempfile.TemporaryDirectory(prefix="pocketbert-doctor-") as name:
        probes = {"onnxruntime": Path(name) / "probe.onnx", "torch": Path(name) / "probe"}
        write_onnx_probe(probes["onnxruntime"])
        write_torch_probe(probes["torch"])
        for runtime, path in probes.items():
            with progress.work(f"threads of {runtime}", len(timed)) as work:
                yield _threads(runtime, path, timed, work.advance)
        for profile in timed:
            with progress.work(f"one file beside itself in {profile.name}", PAIRS) as work:
                yield _settles(probes["onnxruntime"], profile, work.advance)
    for profile in profiles:
        if profile.skipped:
            yield Finding(profile.name, f"skipped: {profile.skipped}", "a machine with more cores" if can_pin() else "")
        elif profile.same_as:
            yield Finding(profile.name, f"the same as {profile.same_as} here")


def _machine(machine: Machine, cores: list[int]) -> Iterator[Finding]:
    """Processor, cores and clock, as far as the platform shows them."""
    yield Finding("processor", f"{machine.cpu}; {', '.join(machine.flags) or 'no flags to be read'}")
    if not can_pin():
        yield Finding(
            "cores",
            f"{len(cores)}; this platform cannot pin a process to cores, so no latency profile can be timed",
            "time latencies on Linux; size, memory and accuracy are weighed here too",
        )
    else:
        quota = "no cgroup quota" if machine.quota is None else f"cgroup quota {machine.quota:g}"
        whole = machine.quota is None or machine.quota == int(machine.quota)
        yield Finding(
            "cores",
            f"{len(cores)} usable (affinity {', '.join(map(str, cores))}; {quota})",
            "" if whole else "a quota of whole cores: with a broken one the last core is taken away in every period",
        )
    if machine.smt_siblings:
        groups = "; ".join(" and ".join(map(str, group)) for group in machine.smt_siblings)
        yield Finding(
            "siblings",
            f"cores {groups} share a physical core: two threads on them are slower than two threads on a phone",
            "turn SMT off, or read mobile-2t as a ratio only",
        )
    if machine.governor is None:
        yield Finding("clock", "the frequency governor cannot be read (usual in virtual machines)")
    else:
        steady = machine.governor == "performance"
        mend = "" if steady else "sudo cpupower frequency-set --governor performance"
        yield Finding("clock", f"governor {machine.governor}", mend)
    if not Path("/proc/self/status").is_file():
        yield Finding("memory", "no /proc: the peak is getrusage's, which a parent's peak can hide behind")


def _busy(share: float, cores: int) -> Finding:
    """What other processes take, and which they are."""
    text = f"take {share:.0%} of the {cores} cores"
    if share < _QUIET:
        return Finding("neighbours", text)
    processes = [process for process in psutil.process_iter(["name", "pid"]) if _asked(process) is not None]
    time.sleep(_WATCH_S)
    used = [(_asked(process) or 0.0, process.info) for process in processes]
    used.sort(key=lambda found: found[0], reverse=True)
    busy = [f"{info['name']} ({info['pid']}) {percent:.0f} %" for percent, info in used[:_SHOWN] if percent > 1]
    if not busy:
        return Finding("neighbours", f"{text}: none of them in sight, so on the same host", "another host or hour")
    return Finding("neighbours", f"{text}: {', '.join(busy)}", "stop them")


def _asked(process: psutil.Process) -> float | None:
    """CPU use since it was asked for last, in percent of a core; None when it is gone or out of reach."""
    try:
        return float(process.cpu_percent())
    except psutil.Error:
        return None


def _threads(runtime: str, path: Path, profiles: list[Profile], done: Callable[[], None]) -> Finding:
    """The threads that were asked for, as verified in a child."""
    words, mend = [], ""
    for profile in profiles:
        try:
            with Child(profile.threads, profile.cores) as child:
                child.open(runtime, path)
                child.requests(probe_requests()[:1])
                child.run(0)
                child.verify()
            words.append(f"{profile.threads} as asked on {len(profile.cores)} cores")
        except (ChildFailed, psutil.Error) as failure:
            words.append(str(failure))
            mend = f"see why {runtime} does not keep to its threads: its latencies are not measured until it does"
        done()
    if not words:
        return Finding(runtime, "threads cannot be verified, because no profile can be timed here")
    most = max(profiles, key=lambda profile: profile.threads)
    return Finding(runtime, f"threads in force: {'; '.join(words)}; {_waits(runtime, path, most)}", mend)


def _waits(runtime: str, path: Path, profile: Profile) -> str:
    """What the artifact in waiting uses while another one is timed: spinning threads would take the other's cores."""
    try:
        with Child(profile.threads, profile.cores) as busy, Child(profile.threads, profile.cores) as waiting:
            for child in (busy, waiting):
                child.open(runtime, path)
                child.requests(probe_requests())
                child.run(0)
            before, begin = sum(psutil.Process(waiting.pid).cpu_times()[:2]), time.monotonic()
            for number in range(_WAITS):
                busy.run(number)
            used = sum(psutil.Process(waiting.pid).cpu_times()[:2]) - before
            return f"one that waits at {profile.threads} threads uses {used / (time.monotonic() - begin):.1%} of a core"
    except (ChildFailed, psutil.Error) as failure:
        return f"one that waits could not be watched: {failure}"


def _settles(path: Path, profile: Profile, done: Callable[[], None]) -> Finding:
    """The noise floor of a profile, and what the gate can find above it."""
    side = Side("onnxruntime", path, {str(TOKENS): probe_requests()})
    begin, logs, lost = time.monotonic(), [], 0.0
    try:
        for number in range(PAIRS):
            pair = time_pair(side, side, profile, [str(TOKENS)], number)[str(TOKENS)]
            logs.append(pair.log_p50)
            lost += pair.preempted / PAIRS
            done()
    except SideFailed as failed:
        return Finding(profile.name, f"cannot be timed: {failed}")
    pair_s = (time.monotonic() - begin) / PAIRS
    deviation, limit = stdev(logs), Thresholds().latency
    found = detectable(deviation, int(BUDGET_S / pair_s / len(profile.lengths)), limit)
    text = (
        f"noise floor {deviation:.1%} between pairs of {pair_s:.1f} s; at the threshold of {limit:+.0%} a slow-down of "
        f"{found:+.1%} is found 4 times out of 5 within {BUDGET_S:.0f} s"
    )
    mend = ""
    if found > _COARSE:
        text += f"; {lost:.0%} of the runs lost their core"
        mend = "fewer neighbours, or more patience: --gate-budget"
    return Finding(profile.name, text, mend)


TOKENS = 128
_WIDTH, _INNER, _PAIRS = 384, 1536, 6


def write_onnx_probe(path: Path) -> None:
    """The feed-forward products of a six-layer, 384-wide encoder: some milliseconds on one core."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    draw = np.random.default_rng(0)
    weights = {
        "table": draw.normal(size=(100, _WIDTH)),
        "up": draw.normal(size=(_WIDTH, _INNER)) / _WIDTH,
        "down": draw.normal(size=(_INNER, _WIDTH)) / _INNER,
    }
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["hidden0"])]
    for pair in range(_PAIRS):
        nodes.append(helper.make_node("MatMul", [f"hidden{pair}", "up"], [f"inner{pair}"]))
        nodes.append(helper.make_node("MatMul", [f"inner{pair}", "down"], [f"hidden{pair + 1}"]))
    nodes.append(helper.make_node("ReduceMean", [f"hidden{_PAIRS}"], ["logits"], axes=[1], keepdims=0))
    graph = helper.make_graph(
        nodes,
        "probe",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["rows", "tokens"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", _WIDTH])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))


def write_torch_probe(folder: Path) -> None:
    """A small BERT with random weights."""
    from transformers import BertConfig, BertForSequenceClassification

    shape = {"hidden_size": _WIDTH, "num_hidden_layers": 2, "num_attention_heads": 12, "intermediate_size": _INNER}
    BertForSequenceClassification(BertConfig(vocab_size=100, num_labels=2, **shape)).save_pretrained(folder)


def probe_requests() -> list[list[int]]:
    """Single requests of `TOKENS` tokens."""
    tokens: list[list[int]] = np.random.default_rng(1).integers(0, 100, size=(100, TOKENS)).tolist()
    return tokens
