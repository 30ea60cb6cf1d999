"""`python -m studies.runtimes.speed`: measures a student in every runtime and writes the tables of docs/runtimes.md.

A TinyBERT-shaped student of random weights is exported in every format and precision, and timed together with a
`bert-base-chinese`-shaped teacher. Every artifact runs in a child process of its own, request by request in turn, 1
thread, batch 1, 128 tokens. There are several sets of fresh processes, because latency varies between processes.
"""

import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console

from pocketbert.bench.machine.cores import usable_cores
from pocketbert.bench.machine.fingerprint import read_machine
from pocketbert.bench.machine.lock import machine_lock
from pocketbert.bench.measuring.metrics.latency import Samples
from pocketbert.bench.measuring.metrics.size import measure_size
from pocketbert.bench.measuring.turns import time_in_turn
from pocketbert.bench.stats.runs import without_waiting
from pocketbert.bench.workers.child import Child, ChildFailed
from pocketbert.bench.workers.file import File
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.exports import FORMATS, INPUTS, file_name, module_name
from pocketbert.compress.manifest import load_manifest
from pocketbert.compress.models.sizes import count_macs
from pocketbert.compress.runtimes import EMULATED, require
from pocketbert.compress.training.distillation.student import activate
from studies.runtimes.roofline import peaks
from studies.runtimes.tables import RELU, TEACHER, Measured, answers, chain, precisions, roofline, seconds
from studies.shared.page import PAGE, fill_blocks
from studies.shared.shapes import TOKENS, WORDS, student, teacher

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_RUNS, _SETS = 20, 5
_WITH_RELU = (("onnx", "int4"), ("litert", "int4"))
_MANIFEST = Path("artifacts/mobile/manifest.json")


def main() -> None:
    """Measure, write the tables into docs/runtimes.md, and print them."""
    quiet()
    with (
        machine_lock(Console(stderr=True)),
        Progress(thread=False) as progress,
        tempfile.TemporaryDirectory() as name,
    ):
        every = {made.name: made for made in exports(student(), Path(name), progress)}
        with_relu = student()
        activate(with_relu, "relu")
        (relu := Path(name, "relu")).mkdir()
        every |= {made.name: made for made in exports(with_relu, relu, progress, _WITH_RELU, RELU)}
        every[TEACHER] = _teacher(teacher(), Path(name))
        limits = peaks()
        every = timed(every, progress)
    machine = read_machine()
    about = f"{machine.cpu}, {', '.join(machine.flags)}; " + ", ".join(
        f"{name} {version}" for name, version in machine.versions.items()
    )
    manifest = load_manifest(_MANIFEST) if _MANIFEST.is_file() else None
    blocks = {
        "machine": about,
        "chain": chain(every),
        "precisions": precisions(every),
        "answers": answers(manifest),
        "roofline": roofline(every, limits),
        "seconds": seconds(every),
    }
    fill_blocks(PAGE, blocks)
    print("\n\n".join(blocks.values()))


def exports(
    model: "PreTrainedModel",
    folder: Path,
    progress: Progress,
    wanted: Collection[tuple[str, str]] = (),
    suffix: str = "",
) -> Iterator[Measured]:
    """Export the student in every format and precision that this machine can write, or in those that are `wanted`."""
    macs = count_macs(model, TOKENS)
    for format_, known in FORMATS.items():
        lengths = (TOKENS,) if known.fixed_lengths else ()
        for precision in () if known.calibrated else known.precisions:  # there are no rows to calibrate on
            if wanted and (format_, precision) not in wanted:
                continue
            path = folder / file_name(format_, precision, lengths)
            progress.say(f"exporting {path.name}")
            begin = time.monotonic()
            try:
                exporter = import_module(module_name(format_))
                exporter.export(model, path, precision, INPUTS, {}, *([lengths] if lengths else []))
            except (BadInput, ImportError) as error:
                progress.say(f"{path.name}: left out: {error}")
                continue
            spent = time.monotonic() - begin
            size = measure_size(path).bytes
            yield Measured(f"{format_}-{precision}{suffix}", format_, precision, path, size, macs, spent)


def _teacher(model: "PreTrainedModel", folder: Path) -> Measured:
    path = folder / TEACHER
    model.save_pretrained(path)
    return Measured(TEACHER, "torch", "fp32", path, measure_size(path).bytes, count_macs(model, TOKENS), 0.0)


def timed(every: dict[str, Measured], progress: Progress) -> dict[str, Measured]:
    """Add the times of the artifacts whose runtime is installed."""
    missing = {name: why for name, made in every.items() if (why := _missing(made))}
    names = [name for name in every if name not in missing]
    samples: dict[str, list[Samples]] = {name: [] for name in names}
    requests = np.random.default_rng(0).integers(5, WORDS, (_SETS * _RUNS, TOKENS)).tolist()
    with progress.work("timing in turn", _SETS) as work:
        for number in range(_SETS):
            with ExitStack() as stack:
                children = {name: stack.enter_context(_child(every[name], requests)) for name in names}
                runs, failed = time_in_turn(children, range(number, _SETS * _RUNS, _SETS))
            if failed:
                raise ChildFailed(f"{failed}")
            for name, answered in runs.items():
                samples[name].append(without_waiting(answered))
            work.advance()
    return {
        name: replace(made, samples=samples.get(name, ()), missing=missing.get(name, ""))
        for name, made in every.items()
    }


def _child(made: Measured, requests: list[list[int]]) -> Child:
    child = Child(1, usable_cores()[:1])
    try:
        child.open(File(FORMATS[made.format].runtime, made.path))
        child.requests(requests)
        child.run(0)
        child.verify()
    except BaseException:
        child.close()
        raise
    return child


def _missing(made: Measured) -> str:
    """Return why the artifact cannot be timed here; empty if it can."""
    runtime = FORMATS[made.format].runtime
    try:
        require(runtime)
    except BadInput:
        return "not run here"
    return "not run here" if runtime in EMULATED else ""  # emulated in NumPy: no latency of a phone


if __name__ == "__main__":
    main()
