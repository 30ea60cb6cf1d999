"""A made-up run that looks like a real one: a 12-layer teacher, three stages, three exported files."""

from pathlib import Path
from typing import Literal

import numpy as np

from pocketbert.bench.records.results import Accuracy, Latency, Memory, Size, Verdict, Weighed
from pocketbert.bench.stats.intervals import Interval
from pocketbert.compress.manifest import Comparison, Parity, Step

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


def _memory(imports: float, own: float, seconds: float) -> Memory:
    at = np.arange(0, seconds, 0.1)
    peak = imports + own
    load = imports + 0.85 * own
    resident = np.interp(
        at, [0, 0.25 * seconds, 0.4 * seconds, 0.55 * seconds, seconds], [12, imports, load, peak, peak]
    )
    resident -= 0.02 * own * (np.sin(at * 9) > 0.6)
    series = [(round(float(t), 2), round(float(m), 1)) for t, m in zip(at, resident, strict=True)]
    return Memory(imports_mib=imports, load_mib=load, peak_mib=peak, own_mib=own, series=series)


def _weighed(
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
) -> Weighed:
    name = artifact_id.rsplit(".", 1)
    drop = 0.865 - value
    interval = None if role == "reference" else Interval(estimate=drop, low=drop - 0.007, high=drop + 0.007)
    return Weighed(
        id=artifact_id,
        role=role,
        runtime="onnxruntime" if name[1] == "onnx" else "torch",
        precision="int8" if "int8" in artifact_id else "fp32",
        made_from=made_from,
        sha256="0" * 64,
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
            correct="ff",
            test_sha256="1" * 64,
        ),
        memory=memory,
        latency=_latency(p50, 92.3, seed=len(artifact_id) + round(p50)),
        tokenizer_p50_ms=0.214,
    )


def _step(name: str, kind: str, value: float, low: float, high: float, seconds: float) -> Step:
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


def _verdict(
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
        threshold={"latency": 0.05, "memory": 0.05, "size": 0.01, "accuracy": 0.010}[metric],
        message=f"{metric} {outcome}: {artifact}{where} {figures}",
        fails=outcome in ("regressed", "missing") and "cores" not in figures,
    )
