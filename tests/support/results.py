"""A made-up run that looks like a real one: a 12-layer teacher, three stages, three exported files."""

import hashlib
from pathlib import Path
from typing import Literal

import numpy as np

from pocketbert.bench.records.results import (
    Accuracy,
    Latency,
    Machine,
    Measured,
    Memory,
    Profile,
    Results,
    Size,
    Verdict,
)
from pocketbert.bench.stats.intervals import Interval
from pocketbert.compress.manifest import Comparison, LinearControl, Parity, Step

TEACHER = "teacher-fp32.torch"
INT8 = "student-int8.onnx"
FILE = Path("reports/offline.json")
"""Where such a run would lie."""
PARTS = {"embeddings": 0.45, "attention": 0.15, "FFN": 0.35, "head": 0.04, "rest": 0.01}
SPEED = {"cpu": 0.62, "mobile-1t": 1.0, "mobile-2t": 0.60}


def _latency(p50: float, teacher: float, seed: int) -> list[Latency]:
    random = np.random.default_rng(seed)
    timings = []
    for profile, factor in SPEED.items():
        for length, share in (("32", 0.27), ("128", 1.0), ("mix", 0.41)):
            middle = p50 * factor * share
            spread = 0.45 if length == "mix" else 0.05
            samples = middle * np.exp(spread * random.standard_normal(120))
            samples[::17] *= 1.3  # somebody else's process
            ratio = p50 / teacher
            timings.append(
                Latency(
                    profile=profile,
                    length=length,
                    runs=120,
                    p50_ms=float(np.quantile(samples, 0.5)),
                    p90_ms=float(np.quantile(samples, 0.9)),
                    ratio=Interval(estimate=ratio, low=ratio * 0.985, high=ratio * 1.015),
                    samples_ms=[round(float(s), 3) for s in samples],
                )
            )
    return timings


def memory(imports: float, own: float, seconds: float) -> Memory:
    at = np.arange(0, seconds, 0.1)
    peak = imports + own
    load = imports + 0.85 * own
    resident = np.interp(
        at, [0, 0.25 * seconds, 0.4 * seconds, 0.55 * seconds, seconds], [12, imports, load, peak, peak]
    )
    resident -= 0.02 * own * (np.sin(at * 9) > 0.6)
    series = [(round(float(t), 2), round(float(m), 1)) for t, m in zip(at, resident, strict=True)]
    return Memory(imports_mib=imports, load_mib=load, peak_mib=peak, own_mib=own, series=series)


def weighed(
    artifact_id: str,
    role: Literal["reference", "stage", "ship"],
    *,
    made_from: str | None,
    value: float,
    megabytes: float,
    p50: float,
    parameters: float,
    macs: float,
    memory: Memory,
) -> Measured:
    name = artifact_id.rsplit(".", 1)
    drop = 0.865 - value
    interval = None if role == "reference" else Interval(estimate=drop, low=drop - 0.007, high=drop + 0.007)
    return Measured(
        id=artifact_id,
        role=role,
        runtime="onnxruntime" if name[1] == "onnx" else "torch",
        precision="int8" if "int8" in artifact_id else "fp32",
        made_from=made_from,
        sha256=hashlib.sha256(artifact_id.encode()).hexdigest(),
        tokenizer_sha256="2" * 64,
        parameters=round(parameters * 1e6),
        macs=round(macs * 1e9),
        parity=Parity(max_abs_logit=0.213 if "int8" in artifact_id else 2.1e-6, label_agreement=0.994, rows=256)
        if role == "ship"
        else None,
        size=Size(
            bytes=round(megabytes * 1e6),
            deflated_bytes=round(megabytes * 0.92e6),
            parts={name: round(share * megabytes * 1e6) for name, share in PARTS.items()},
        ),
        accuracy=Accuracy(
            metric="accuracy",
            value=value,
            scores={"accuracy": value, "macro_f1": value - 0.002},
            rows=3472,
            drop=interval,
            correct="ff" * 434,
            test_sha256="1" * 64,
        ),
        memory=memory,
        latency=_latency(p50, 92.3, seed=len(artifact_id) + round(p50)),
        tokenizer_p50_ms=0.214,
    )


def step(name: str, kind: str, value: float, low: float, high: float, seconds: float) -> Step:
    return Step(
        name=name,
        kind=kind,
        decision="accepted",
        unsettled=low <= 0.010 < high,
        comparison=Comparison(
            metric="accuracy",
            value=value,
            reference=0.865,
            drop=0.865 - value,
            low=low,
            high=high,
            rows=1736,
            confidence=0.95,
        ),
        seconds=seconds,
    )


def verdict(
    metric: Literal["latency", "memory", "size", "accuracy"],
    outcome: Literal["ok", "improved", "regressed", "inconclusive", "no-baseline", "missing"],
    baseline: float | None,
    measured: float | None,
    interval: tuple[float, float, float] | None,
    figures: str,
    artifact: str = INT8,
    profile: str | None = None,
) -> Verdict:
    place = profile or ("mobile-1t/128" if metric == "latency" else None)
    change = None
    if baseline and measured is not None:
        estimate, low, high = interval or (measured,) * 3
        ends = (-estimate, -high, -low) if metric == "accuracy" else (n / baseline - 1 for n in (estimate, low, high))
        change = Interval(**dict(zip(("estimate", "low", "high"), ends, strict=True)))
    where = f" in {place}" if place else ""
    return Verdict(
        metric=metric,
        artifact=artifact,
        profile=place,
        outcome=outcome,
        gated=True,
        baseline=baseline,
        measured=measured,
        interval=Interval(estimate=interval[0], low=interval[1], high=interval[2]) if interval else None,
        change=change,
        threshold={"latency": 0.05, "memory": 0.05, "size": 0.01, "accuracy": 0.010}[metric],
        message=f"{metric} {outcome}: {artifact}{where} {figures}",
        fails=outcome in ("regressed", "missing") and "cores" not in figures,
    )


def made_up_run() -> Results:
    """Make a run in which everything went well."""
    torch = {"imports": 214.0, "seconds": 9.0}
    ort = {"imports": 41.0, "seconds": 3.2}
    pruned = {"parameters": 33.9, "macs": 2.6}
    student = {"parameters": 13.4, "macs": 0.93}
    artifacts = [
        weighed(
            TEACHER, "reference", made_from=None, value=0.865, megabytes=153.1, p50=92.3, parameters=38.3, macs=2.76,
            memory=memory(own=226, **torch),
        ),
        weighed(
            "01-finetune.torch", "stage", made_from="01-finetune", value=0.8667, megabytes=153.1, p50=92.1,
            parameters=38.3, macs=2.76, memory=memory(own=226, **torch),
        ),
        weighed(
            "02-prune-heads.torch", "stage", made_from="02-prune-heads", value=0.8606, megabytes=135.7, p50=81.0,
            **pruned, memory=memory(own=204, **torch),
        ),
        weighed(
            "03-distill.torch", "stage", made_from="03-distill", value=0.8583, megabytes=53.9, p50=29.4, **student,
            memory=memory(own=91, **torch),
        ),
        weighed(
            "student-fp32.torch", "ship", made_from="03-distill", value=0.8583, megabytes=53.9, p50=29.6, **student,
            memory=memory(own=92, **torch),
        ),
        weighed(
            "student-fp32.onnx", "ship", made_from="03-distill", value=0.8583, megabytes=53.8, p50=19.8, **student,
            memory=memory(own=71, **ort),
        ),
        weighed(
            INT8, "ship", made_from="03-distill", value=0.8592, megabytes=13.9, p50=9.6, **student,
            memory=memory(own=27, **ort),
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
            step("00-teacher", "finetune", 0.865, 0.0, 0.0, 412.0).model_copy(update={"decision": "reference"}),
            step("01-finetune", "finetune", 0.8664, -0.006, 0.003, 58.1),
            step("02-prune-heads", "prune-heads", 0.8599, -0.001, 0.009, 21.7),
            step("03-distill", "distill", 0.8583, 0.000, 0.014, 194.0),
            step("torch-fp32", "artifact", 0.8583, 0.000, 0.014, 2.2),
            step("onnx-fp32", "artifact", 0.8583, 0.000, 0.014, 8.9),
            step("onnx-int8", "artifact", 0.8577, 0.000, 0.0145, 11.4),
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
            verdict(
                "latency",
                "ok",
                0.105,
                0.104,
                (0.104, 0.1024, 0.1056),
                "0.1040 × reference [0.1024, 0.1056] against 0.1050, change -1.0% [-2.4%, +0.5%]; threshold +5%",
            ),
            verdict(
                "memory",
                "ok",
                26.8,
                27.0,
                None,
                "27.0 MiB of its own against 26.8, change +0.2 MiB, +0.7%; threshold +5%",
            ),
            verdict(
                "size",
                "improved",
                14.6e6,
                13.9e6,
                None,
                "13,900,000 bytes against 14,600,000, change -4.8%; threshold +1%",
            ),
            verdict(
                "accuracy",
                "ok",
                0.8603,
                0.8592,
                (0.0011, -0.002, 0.0042),
                "0.8592 accuracy against 0.8603, drop against the baseline +0.11 [-0.20, +0.42] points; threshold 1.0",
            ),
        ],
    )


def slower(results: Results, factor: float) -> Measured:
    """The INT8 student with every ratio and time `factor` times as large."""
    artifact = results.artifact(INT8)
    times = [
        m.model_copy(
            update={
                "ratio": Interval(**{k: v * factor for k, v in m.ratio.model_dump().items()}),
                "p50_ms": m.p50_ms * factor,
            }
        )
        for m in artifact.latency
    ]
    return artifact.model_copy(update={"latency": times})
