"""ExecuTorch files: the runtime's own profile.

Their tensors cannot be listed: a ``.pte`` names XNNPACK's weights by their SHA-256.
"""

import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from pocketbert.bench.workers.file import File
from pocketbert.bench.workers.inside import Operator
from pocketbert.compress.tasks.inputs import Batch

if TYPE_CHECKING:
    from executorch.devtools.etdump.schema_flatcc import ProfileEvent, RunData

_WARM_UP = 3
_NUMBER = re.compile(r" #\d+$")
_KERNEL = "native_call_"
_DELEGATE = "DELEGATE_CALL"
_AROUND = "XNNPACK, around its operators"


def profile(file: File, threads: int, batches: Sequence[Batch]) -> list[Operator]:
    """Return each kind of operator, XNNPACK's and ExecuTorch's: the sum of its nodes' median times per request."""
    from executorch.devtools.etdump.serialize import deserialize_from_etdump_flatcc
    from executorch.extension.pybindings import _C as bindings  # noqa: N811

    from pocketbert.compress.runtimes.executorch import ExecutorchSession, set_threads

    set_threads(threads)
    program = bindings._load_program(str(file.path), enable_etdump=True)
    session = ExecutorchSession(program, file.path, file.inputs)
    for batch in [*batches[:_WARM_UP], *batches]:
        session.logits(batch)
    with tempfile.TemporaryDirectory(prefix="pocketbert-") as folder:
        dump = Path(folder) / "dump"
        program.write_etdump_result_to_file(str(dump), str(dump.with_suffix(".debug")))
        runs = [run for run in deserialize_from_etdump_flatcc(dump.read_bytes()).run_data if run.name == "Execute"]
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for run in runs[-len(batches) :]:
        for kind, place, ms in _spent(run):
            times[kind, place].append(ms)
    kinds: dict[str, list[float]] = defaultdict(list)
    for (kind, _), each in times.items():
        kinds[kind].append(median(each))
    return [Operator(kind, len(each), sum(each)) for kind, each in kinds.items()]


def _spent(run: "RunData") -> Iterator[tuple[str, str, float]]:
    """Yield kind, place in the program and ms of each event. XNNPACK's operators precede the call around them."""
    inside = 0.0
    for event in run.events:
        timed = event.profile_event
        if timed is None:
            continue
        ms, place = (timed.end_time - timed.start_time) / 1e6, f"{timed.chain_index}/{timed.instruction_id}"
        if timed.delegate_debug_id_str:
            inside += ms
            yield _kind(timed), f"{place}/{timed.delegate_debug_id_str}", ms
        elif timed.name == _DELEGATE:
            yield _AROUND, place, max(ms - inside, 0.0)
            inside = 0.0
        elif timed.name and timed.name.startswith(_KERNEL):
            yield _kind(timed), place, ms


def _kind(event: "ProfileEvent") -> str:
    """``Softmax (NC, F32) #1`` -> ``Softmax (NC, F32)``, ``native_call_embedding.out`` -> ``embedding.out``."""
    return _NUMBER.sub("", event.delegate_debug_id_str or str(event.name).removeprefix(_KERNEL))
