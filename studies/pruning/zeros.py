"""What zeros cost and buy on the offline student.

`python -m studies.pruning.zeros` takes the student of `recipes/offline.toml` (built if need be), sets shares of its
weights to 0, with and without an epoch of recovery, and prints the table of docs/pruning.md.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tabulate import tabulate

from pocketbert.compress.base.files import deflated_bytes
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.exports.onnx import export
from pocketbert.compress.manifest import Comparison
from pocketbert.compress.models.modeling_uneven import load_classifier
from pocketbert.compress.pipeline.build import build, fine_tuned
from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.runtimes.torch import TorchSession
from pocketbert.compress.stages.sparsify import Parameters, run
from pocketbert.compress.tasks.inputs import predict
from pocketbert.compress.training.context import Context, retokenized

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_RECOVER = {"epochs": 1, "alpha": 0.3, "learning_rate": 1e-4}
_CHOICES: list[dict[str, Any]] = [
    *({"amount": amount} for amount in (0.3, 0.5, 0.7)),
    {"amount": 0.5, "scope": "global"},
    *({"amount": amount, "recover": _RECOVER} for amount in (0.5, 0.7, 0.9)),
]
"""The word table is always among the weights: it is most of this student."""


def main() -> None:
    """Print the table."""
    quiet()
    recipe, root = load_recipe(Path("recipes/offline.toml")), Path("artifacts/offline")
    with Progress() as progress:
        manifest = build(recipe, root, "python -m studies.pruning.zeros", progress)
        student = [artifact for artifact in manifest.artifacts if artifact.role == "stage"][-1]
        _, context = fine_tuned(recipe, root, progress)
        context = retokenized(context, root / student.tokenizer)
        print(f"\n{table(root / student.path, context)}", flush=True)


def table(student: Path, context: Context) -> str:
    """A row for the student as it is, and one for each choice of zeros; what is lost is lost against the former."""
    whole = _answers(load_classifier(student), context)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for number, choice in enumerate([{}, *_CHOICES]):
            model, folder = load_classifier(student), Path(name) / str(number)
            if choice:
                inside = replace(context, scratch=folder / "training", remarks=[])
                model = run(model, inside, Parameters.model_validate({"embeddings": True, **choice}))
            found = Comparison.of(context.task, context.validation.gold, whole, _answers(model, context), 0.95)
            lost = f"{100 * found.drop:+.2f} ({100 * found.low:+.2f} to {100 * found.high:+.2f})" if choice else ""
            zeros = f"{choice['amount']:.0%}, {choice.get('scope', 'layer')}" if choice else "none"
            recovered = "one epoch" if "recover" in choice else ""
            rows.append([zeros, recovered, f"{found.value:.2%}", lost, *_sizes(model, folder)])
    headers = [
        "zeros",
        "recovery",
        context.task.metric,
        "points lost",
        "FP32 file",
        "deflated",
        "INT8 file",
        "deflated",
    ]
    return str(tabulate(rows, headers=headers, tablefmt="pipe", disable_numparse=True))


def _answers(model: "PreTrainedModel", context: Context) -> NDArray[np.float32]:
    inputs = context.validation.inputs
    with context.progress.work("answering the validation rows", len(inputs)) as work:
        return predict(TorchSession(model).logits, inputs, progress=work.advance)


def _sizes(model: "PreTrainedModel", folder: Path) -> Iterator[str]:
    """Of the safetensors, then of the INT8 ONNX file: on disk, and deflated as an app bundle carries it."""
    model.save_pretrained(folder)
    export(model, folder / "student-int8.onnx", "int8")
    for file in (folder / "model.safetensors", folder / "student-int8.onnx"):
        yield f"{file.stat().st_size / 1e6:.1f} MB"
        yield f"{deflated_bytes(file) / 1e6:.2f} MB"


if __name__ == "__main__":
    main()
