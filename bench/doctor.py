"""`pocketbert doctor`: the smallest slow-down that this machine can detect, and how to lower it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from math import ceil
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
from pocketbert.bench.stats.sequential import detectable, smallest_limit
from pocketbert.bench.workers.child import Child, ChildFailed
from pocketbert.bench.workers.file import File
from pocketbert.compress.base.errors import install_hint, percent
from pocketbert.compress.base.folders.leftovers import temporary_folder
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet

PAIRS = 8
"""Pairs of the probe with itself, per profile."""
_QUIET_SHARE = 0.05
_SHOWN = 3
_WATCH_S = 2.0
_REQUESTS_MEANWHILE = 100
"""Requests that one process runs while another one is idle."""


@dataclass(frozen=True)
class Check:
    """One line of the report; `fix` is what the user can do about it."""

    name: str
    text: str
    fix: str = ""


def examine(progress: Progress) -> Iterator[Check]:
    """Yield every check as soon as it is done; takes less than a minute in total."""
    cores = usable_cores()
    profiles = load_profiles()
    timed = [profile for profile in profiles if not profile.skipped and not profile.same_as]
    yield from _machine(read_machine(), cores)
    neighbours = Neighbours(cores, [])
    time.sleep(_WATCH_S)
    yield _other_processes(neighbours.share(), len(cores))
    quiet()
    with temporary_folder() as folder:
        probes = {"onnxruntime": folder / "probe.onnx"}
        write_onnx_probe(probes["onnxruntime"])
        if find_spec("transformers"):
            probes["torch"] = folder / "probe"
            write_torch_probe(probes["torch"])
        else:
            yield Check("torch", f"not installed, so Hugging Face folders are not measured ({install_hint('torch')})")
        for runtime, path in probes.items():
            with progress.work(f"threads of {runtime}", len(timed)) as work:
                yield _threads_in_force(runtime, path, timed, work.advance)
        for profile in timed:
            with progress.work(f"one file against itself in {profile.name}", PAIRS) as work:
                yield _noise_floor(probes["onnxruntime"], profile, work.advance)
    for profile in profiles:
        if profile.skipped:
            yield Check(profile.name, f"skipped: {profile.skipped}", "a machine with more cores" if can_pin() else "")
        elif profile.same_as:
            yield Check(profile.name, f"the same as {profile.same_as} here")


def _machine(machine: Machine, cores: list[int]) -> Iterator[Check]:
    """Check processor, cores and clock, as far as the platform shows them."""
    yield Check("processor", f"{machine.cpu}; {', '.join(machine.flags) or 'no flags to be read'}")
    if not can_pin():
        yield Check(
            "cores",
            f"{len(cores)}; this platform cannot pin a process to cores, so no latency profile can be timed",
            "time latencies on Linux; size, memory and accuracy are measured here too",
        )
    else:
        quota = "no cgroup quota" if machine.quota is None else f"cgroup quota {machine.quota:g}"
        whole = machine.quota is None or machine.quota == int(machine.quota)
        yield Check(
            "cores",
            f"{len(cores)} usable (affinity {', '.join(map(str, cores))}; {quota})",
            "" if whole else "a quota of whole cores: with a fraction, the kernel stops the last core in every period",
        )
    if machine.smt_siblings:
        groups = "; ".join(" and ".join(map(str, group)) for group in machine.smt_siblings)
        yield Check(
            "siblings",
            f"cores {groups} share a physical core: two threads on them are slower than two threads on a phone",
            "turn SMT off, or read mobile-2t as a ratio only",
        )
    if machine.governor is None:
        yield Check("clock", "the frequency governor cannot be read (usual in virtual machines)")
    else:
        steady = machine.governor == "performance"
        fix = "" if steady else "sudo cpupower frequency-set --governor performance"
        yield Check("clock", f"governor {machine.governor}", fix)
    if not Path("/proc/self/status").is_file():
        yield Check("memory", "no /proc: the memory peak comes from getrusage and may be too high")


def _other_processes(share: float, cores: int) -> Check:
    """Check the CPU share of other processes, and name the busiest."""
    text = f"take {percent(share, 0)} of the {cores} cores"
    if share < _QUIET_SHARE:
        return Check("neighbours", text)
    processes = [process for process in psutil.process_iter(["name", "pid"]) if _cpu_percent(process) is not None]
    time.sleep(_WATCH_S)
    used = [(_cpu_percent(process) or 0.0, process.info) for process in processes]
    used.sort(key=lambda found: found[0], reverse=True)
    busy = [f"{info['name']} ({info['pid']}) {percent:.0f} %" for percent, info in used[:_SHOWN] if percent > 1]
    if not busy:
        return Check(
            "neighbours",
            f"{text}: none is visible here, so another virtual machine uses the host",
            "another host or hour",
        )
    return Check("neighbours", f"{text}: {', '.join(busy)}", "stop them")


def _cpu_percent(process: psutil.Process) -> float | None:
    """Return the CPU use since the last call, in percent of a core; None if the process is gone or inaccessible."""
    try:
        return float(process.cpu_percent())
    except psutil.Error:
        return None


def _threads_in_force(runtime: str, path: Path, profiles: list[Profile], done: Callable[[], None]) -> Check:
    """Check in a child process that the runtime keeps to the requested threads and cores."""
    words, fix = [], ""
    for profile in profiles:
        try:
            with Child(profile.threads, profile.cores) as child:
                child.open(File(runtime, path))
                child.requests(probe_requests()[:1])
                child.run(0)
                child.verify()
            words.append(f"{profile.threads} as asked on {len(profile.cores)} cores")
        except (ChildFailed, psutil.Error) as failure:
            words.append(str(failure))
            fix = f"see why {runtime} does not keep to its threads: its latencies are not measured until it does"
        done()
    if not words:
        return Check(runtime, "threads cannot be verified, because no profile can be timed here")
    most = max(profiles, key=lambda profile: profile.threads)
    return Check(runtime, f"threads in force: {'; '.join(words)}; {_idle_use(runtime, path, most)}", fix)


def _idle_use(runtime: str, path: Path, profile: Profile) -> str:
    """Measure the CPU use of an idle process while another one is timed: spinning threads would take its cores."""
    try:
        with Child(profile.threads, profile.cores) as busy, Child(profile.threads, profile.cores) as idle:
            for child in (busy, idle):
                child.open(File(runtime, path))
                child.requests(probe_requests())
                child.run(0)
            before, begin = sum(psutil.Process(idle.pid).cpu_times()[:2]), time.monotonic()
            for number in range(_REQUESTS_MEANWHILE):
                busy.run(number)
            used = sum(psutil.Process(idle.pid).cpu_times()[:2]) - before
            share = percent(used / (time.monotonic() - begin))
            return f"an idle process with {profile.threads} threads uses {share} of a core"
    except (ChildFailed, psutil.Error) as failure:
        return f"an idle process could not be watched: {failure}"


def _noise_floor(path: Path, profile: Profile, done: Callable[[], None]) -> Check:
    """Measure the noise floor of a profile, and compute the smallest slow-down that the gate detects above it."""
    side = Side(File("onnxruntime", path), {str(TOKENS): probe_requests()})
    begin, logs, lost = time.monotonic(), [], 0.0
    try:
        for number in range(PAIRS):
            pair = time_pair(side, side, profile, [str(TOKENS)], number)[str(TOKENS)]
            logs.append(pair.log_p50)
            lost += pair.preempted / PAIRS
            done()
    except SideFailed as failed:
        return Check(profile.name, f"cannot be timed: {failed}", "gate with other profiles (--gate-profiles)")
    pair_s = (time.monotonic() - begin) / PAIRS
    return noise_check(profile.name, stdev(logs), pair_s, int(BUDGET_S / pair_s / len(profile.lengths)), lost)


def noise_check(name: str, deviation: float, pair_s: float, pairs: int, preempted: float) -> Check:
    """Say what the gate decides above this noise.

    Args:
        deviation: standard deviation of the log ratio between pairs.
        pair_s: seconds per pair.
        pairs: the number of pairs that fit into the time budget.
        preempted: share of preempted runs, 0 to 1.
    """
    limit, allowed = Thresholds().latency, smallest_limit(deviation, pairs)
    found = detectable(deviation, pairs, limit)
    text = (
        f"noise floor {percent(deviation)} between pairs of {pair_s:.1f} s, which allows limits of "
        f"+{ceil(100 * allowed)} % or more within {BUDGET_S:.0f} s; at the threshold of +{percent(limit, 0)} a "
        f"slow-down of +{percent(found)} is found 4 times out of 5"
    )
    fix = ""
    if allowed > limit:
        text += f"; {percent(preempted, 0)} of the runs were preempted"
        fix = (
            "fewer other processes, more time (--gate-budget), or a latency threshold of "
            f"{ceil(100 * allowed) / 100:g} in the baseline"
        )
    return Check(name, text, fix)


TOKENS = 128
_WIDTH, _INNER, _PAIRS = 384, 1536, 6


def write_onnx_probe(path: Path) -> None:
    """Write an ONNX model of the FFN products of a six-layer, 384-wide encoder: a few milliseconds on one core."""
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
    """Write a small BERT checkpoint with random weights."""
    from transformers import BertConfig, BertForSequenceClassification

    shape = {"hidden_size": _WIDTH, "num_hidden_layers": 2, "num_attention_heads": 12, "intermediate_size": _INNER}
    BertForSequenceClassification(BertConfig(vocab_size=100, num_labels=2, **shape)).save_pretrained(folder)


def probe_requests() -> list[list[int]]:
    """Return 100 single requests of `TOKENS` random token ids each."""
    tokens: list[list[int]] = np.random.default_rng(1).integers(0, 100, size=(100, TOKENS)).tolist()
    return tokens
