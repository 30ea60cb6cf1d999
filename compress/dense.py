"""What zeros buy in the files that ship: each is made once more without them, only to be deflated."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from compress.cache import step_key
from compress.exports import INPUTS, file_name
from compress.files import deflated_bytes
from compress.manifest import Artifact, Step, files_of
from compress.recipe import ArtifactTable
from compress.workbench import Done, Workbench


def with_dense_sizes(bench: Workbench, accepted: Sequence[Done], shipped: list[Artifact]) -> list[Artifact]:
    """`shipped` with what each quantized file would take deflated without the zeros of the last stages.

    Nothing is made where the last stage set none. A float file needs none: the checkpoints of the stages say as much.

    Args:
        accepted: the teacher and every accepted stage, in order.
    """
    dense = last_dense(accepted)
    if dense is accepted[-1]:
        return shipped
    sizes = {
        file_name(table.format, table.precision): _deflated(bench, table, dense)
        for table in bench.recipe.artifacts
        if table.precision != "fp32"
    }
    return [a.model_copy(update={"dense_deflated_bytes": sizes.get(a.id)}) for a in shipped]


def last_dense(accepted: Sequence[Done]) -> Done:
    """The last of them that is not there for its zeros."""
    return next(done for done in reversed(accepted) if done.step.kind != "sparsify")


def _deflated(bench: Workbench, table: ArtifactTable, dense: Done) -> int:
    """Bytes of the file made from `dense`, deflated; the file itself is not kept."""
    name = f"{table.format}-{table.precision}"
    sources = [f"exports/{table.format}.py", "exports/plain.py", "dense.py", "files.py"]
    key = step_key(dense.step.key, table.model_dump(), sources)
    step = Step(name=f"{name} without zeros", kind="dense", decision="accepted", parameters=table.model_dump(), key=key)

    def work(_: Path, scratch: Path) -> Step:
        scratch.mkdir(exist_ok=True)
        file = scratch / file_name(table.format, table.precision)
        names = (*INPUTS, *(["token_type_ids"] if dense.tokens.validation.inputs.types else []))
        import_module(f"compress.exports.{table.format}").export(dense.model(), file, table.precision, names)
        size = sum(deflated_bytes(part) for _, part in files_of(file))
        return step.model_copy(update={"measured": {"deflated_bytes": size}})

    return bench.step(bench.root / "dense" / name, step, work, dense.tokens).step.measured["deflated_bytes"]
