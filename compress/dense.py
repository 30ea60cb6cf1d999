"""What zeros buy in the files that ship: each is made once more without them, only to be deflated."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from compress.exports import INPUTS, file_name
from compress.exports.export import Export
from compress.files import deflated_bytes
from compress.manifest import Artifact, Step, files_of
from compress.workbench import Done, Workbench


def with_dense_sizes(
    bench: Workbench, accepted: Sequence[Done], steps: Sequence[Step], shipped: list[Artifact]
) -> list[Artifact]:
    """`shipped` with what each quantized file would take deflated without the zeros of the last stages.

    Nothing is made where the last stage set none. A float file needs none: the checkpoints of the stages say as much.

    Args:
        accepted: the teacher and every accepted stage, in order.
        steps: how the shipped files were made.
    """
    dense = last_dense(accepted)
    if dense is accepted[-1]:
        return shipped
    sizes = {
        file_name(made["format"], made["precision"]): _deflated(bench, made, dense)
        for step in steps
        if step.decision == "accepted" and (made := step.parameters)["precision"] != "fp32"
    }
    return [a.model_copy(update={"dense_deflated_bytes": sizes.get(a.id)}) for a in shipped]


def last_dense(accepted: Sequence[Done]) -> Done:
    """The last of them that is not there for its zeros."""
    return next(done for done in reversed(accepted) if done.step.kind != "sparsify")


def _deflated(bench: Workbench, made: dict[str, Any], dense: Done) -> int:
    """Bytes of the file that is `made` in the same way from `dense`, deflated; the file itself is not kept."""
    inputs = (*INPUTS, *(["token_type_ids"] if dense.tokens.validation.inputs.types else []))
    export = Export(made["format"], made["precision"], inputs, made.get("keep_float", ()))
    name = f"{export.format}-{export.precision}"
    key = export.key(dense.step.key, made, ["dense.py", "files.py"])
    step = Step(name=f"{name} without zeros", kind="dense", decision="accepted", parameters=made, key=key)

    def work(_: Path, scratch: Path) -> Step:
        file = scratch / file_name(export.format, export.precision)
        export.write(dense.model(), file)
        size = sum(deflated_bytes(part) for _, part in files_of(file))
        return step.model_copy(update={"measured": {"deflated_bytes": size}})

    return bench.step(bench.root / "dense" / name, step, work, dense.tokens).step.measured["deflated_bytes"]
