"""A made-up run that looks like a real one: a 12-layer teacher, three stages, three files that ship."""

from collections.abc import Callable

import numpy as np
import pytest

from pocketbert.bench.records.results import Machine, Paired, Profile, Results
from pocketbert.bench.stats.intervals import Interval
from pocketbert.compress.manifest import Comparison, LinearControl, Step
from tests.support.results import INT8, TEACHER, _memory, _step, _verdict, _weighed


@pytest.fixture
def results() -> Results:
    """Everything went well."""
    torch = {"imports": 214.0, "seconds": 9.0}
    ort = {"imports": 41.0, "seconds": 3.2}
    pruned = {"parameters": 33.9, "macs": 2.6}
    student = {"parameters": 13.4, "macs": 0.93}
    artifacts = [
        _weighed(
            TEACHER, "reference", made_from=None, value=0.865, megabytes=153.1, p50=92.3, parameters=38.3, macs=2.76,
            memory=_memory(own=226, **torch),
        ),
        _weighed(
            "01-finetune.torch", "stage", made_from="01-finetune", value=0.8667, megabytes=153.1, p50=92.1,
            parameters=38.3, macs=2.76, memory=_memory(own=226, **torch),
        ),
        _weighed(
            "02-prune-heads.torch", "stage", made_from="02-prune-heads", value=0.8606, megabytes=135.7, p50=81.0,
            **pruned, memory=_memory(own=204, **torch),
        ),
        _weighed(
            "03-distill.torch", "stage", made_from="03-distill", value=0.8583, megabytes=53.9, p50=29.4, **student,
            memory=_memory(own=91, **torch),
        ),
        _weighed(
            "student-fp32.torch", "ship", made_from="03-distill", value=0.8583, megabytes=53.9, p50=29.6, **student,
            memory=_memory(own=92, **torch),
        ),
        _weighed(
            "student-fp32.onnx", "ship", made_from="03-distill", value=0.8583, megabytes=53.8, p50=19.8, **student,
            memory=_memory(own=71, **ort),
        ),
        _weighed(
            INT8, "ship", made_from="03-distill", value=0.8592, megabytes=13.9, p50=9.6, **student,
            memory=_memory(own=27, **ort),
        ),
    ]  # fmt: skip
    return Results(
        schema=2,
        recipe="offline",
        created="2026-01-14T19:03:22Z",
        command="pytest bench --gate-manifest artifacts/offline/manifest.json",
        seconds=163.2,
        reference=TEACHER,
        max_drop=0.010,
        machine=Machine(
            cpu="AMD EPYC 9R14",
            flags=["avx2", "avx512f", "avx512_vnni", "avx512_bf16"],
            cores=2,
            memory_mib=7812,
            kernel="Linux 6.8.0",
            python="3.11.9",
            versions={"torch": "2.13.0", "onnxruntime": "1.32.0", "transformers": "5.23.0"},
            fingerprint="3f6c1d2a",
        ),
        profiles=[
            Profile(name="cpu", threads=2, cores=[0, 1], lengths=["32", "128", "mix"]),
            Profile(name="mobile-1t", threads=1, cores=[0], lengths=["32", "128", "mix"]),
            Profile(name="mobile-2t", threads=2, cores=[0, 1], lengths=["32", "128", "mix"]),
            Profile(name="mobile-4t", threads=4, lengths=["32", "128", "mix"], skipped="needs 4 cores, 2 usable"),
        ],
        artifacts=artifacts,
        steps=[
            _step("00-teacher", "finetune", 0.865, 0.0, 0.0, 412.0).model_copy(update={"decision": "reference"}),
            _step("01-finetune", "finetune", 0.8664, -0.006, 0.003, 58.1),
            _step("02-prune-heads", "prune-heads", 0.8599, -0.001, 0.009, 21.7),
            _step("03-distill", "distill", 0.8583, 0.000, 0.014, 194.0),
            _step("torch-fp32", "artifact", 0.8583, 0.000, 0.014, 2.2),
            _step("onnx-fp32", "artifact", 0.8583, 0.000, 0.014, 8.9),
            _step("onnx-int8", "artifact", 0.8577, 0.000, 0.0145, 11.4),
        ],
        linear_control=LinearControl(
            comparison=Comparison(
                metric="accuracy",
                value=0.865,
                reference=0.8531,
                drop=-0.0119,
                low=-0.0231,
                high=-0.0008,
                rows=3472,
                confidence=0.95,
            ),
            train_rows=12154,
            seconds=6.3,
            test_answers="control/test.npy",
        ),
        baseline="baselines/offline.json",
        verdicts=[
            _verdict(
                "latency",
                "ok",
                0.105,
                0.104,
                (0.104, 0.1024, 0.1056),
                "0.1040 × reference [0.1024, 0.1056] against 0.1050, change -1.0% [-2.4%, +0.5%]; threshold +5%",
            ),
            _verdict(
                "memory",
                "ok",
                26.8,
                27.0,
                None,
                "27.0 MiB of its own against 26.8, change +0.2 MiB, +0.7%; threshold +5%",
            ),
            _verdict(
                "size",
                "improved",
                14.6e6,
                13.9e6,
                None,
                "13,900,000 bytes against 14,600,000, change -4.8%; threshold +1%",
            ),
            _verdict(
                "accuracy",
                "ok",
                0.8603,
                0.8592,
                (0.0011, -0.002, 0.0042),
                "0.8592 accuracy against 0.8603, drop against the baseline +0.11 [-0.20, +0.42] points; threshold 1.0",
            ),
        ],
    )


@pytest.fixture
def rolled_back(results: Results) -> Results:
    """Distillation cost too much: what ships is made from the pruned model."""
    steps = [s.model_copy() for s in results.steps]
    steps[3] = Step(
        name="03-distill",
        kind="distill",
        decision="rolled-back",
        comparison=Comparison(
            metric="accuracy",
            value=0.841,
            reference=0.865,
            drop=0.024,
            low=0.011,
            high=0.037,
            rows=1736,
            confidence=0.95,
        ),
        seconds=194.0,
    )
    artifacts = [
        a.model_copy(update={"made_from": "02-prune-heads"}) if a.role == "ship" else a
        for a in results.artifacts
        if a.id != "03-distill.torch"
    ]
    return results.model_copy(update={"steps": steps, "artifacts": artifacts})


@pytest.fixture
def beside(results: Results) -> Results:
    """The student was timed beside the baseline's own file in two profiles, and is 11 % slower."""
    random = np.random.default_rng(0)
    pairs = []
    for profile, length, ms in (("cpu", "128", 6.0), ("mobile-1t", "32", 3.0), ("mobile-1t", "128", 9.6)):
        base = ms * np.exp(0.05 * random.standard_normal((2, 80)))
        pairs.append(
            Paired(
                artifact=INT8,
                profile=profile,
                length=length,
                against="3" * 64,
                outcome="regressed",
                change=Interval(estimate=0.11, low=0.095, high=0.126),
                change_p90=Interval(estimate=0.1, low=0.07, high=0.13),
                limit=0.05,
                logs=[0.104] * 4,
                logs_p90=[0.1] * 4,
                preempted=0.0,
                seconds=4.0,
                baseline_ms=base[0].round(4).tolist(),
                candidate_ms=(1.11 * base[1]).round(4).tolist(),
            )
        )
    return results.model_copy(update={"paired": pairs})


@pytest.fixture
def regressed(results: Results) -> Results:
    """One file got slower, one disappeared, and one memory figure could not be settled."""
    slower = _verdict(
        "latency",
        "regressed",
        0.104,
        0.121,
        (0.121, 0.119, 0.123),
        "0.1210 × reference [0.1190, 0.1230] against 0.1040, change +16.3% [+14.1%, +18.9%]; threshold +5%",
    )
    gone = _verdict(
        "size",
        "missing",
        None,
        None,
        None,
        "in the baseline, but the manifest ships it no more; threshold +1%",
        "student-fp16.onnx",
    )
    unclear = _verdict(
        "latency",
        "inconclusive",
        0.104,
        0.108,
        (0.108, 0.103, 0.113),
        "0.1080 × reference [0.1030, 0.1130] against 0.1040, change +3.8% [-1.0%, +8.7%]; threshold +5%",
        profile="mobile-2t/128",
    )
    absent = _verdict(
        "latency",
        "missing",
        None,
        None,
        None,
        "profile mobile-4t needs 4 cores, this process may use 2; threshold +5%",
        profile="mobile-4t/128",
    )
    return results.model_copy(update={"verdicts": [slower, gone, unclear, absent, *results.verdicts[1:]]})


@pytest.fixture
def hollow(results: Results) -> Callable[..., Results]:
    """The results with parts of every artifact taken out: ``hollow("memory", "size")``."""

    def take_out(*parts: str) -> Results:
        empty = {part: [] if part == "latency" else None for part in parts}
        artifacts = [a.model_copy(update=empty) for a in results.artifacts]
        return results.model_copy(update={"artifacts": artifacts})

    return take_out
