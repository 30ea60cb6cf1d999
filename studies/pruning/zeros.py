"""Accuracy and size of the offline student with unstructured sparsity.

`python -m studies.pruning.zeros` takes the student of `recipes/offline.toml` (builds it if necessary), sets shares of
its weights to 0, with and without an epoch of recovery, and prints the table of docs/pruning-results.md.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocketbert.compress.base.errors import percent
from pocketbert.compress.base.files import deflated_bytes
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.exports.onnx import export
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pipeline.build import build, fine_tuned
from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.stages.sparsify import Parameters, run
from pocketbert.compress.training.context import Context, retokenized
from studies.shared.page import in_points, markdown_table
from studies.shared.validation import compare, validation_logits

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_RECOVER = {"epochs": 1, "alpha": 0.3, "learning_rate": 1e-4}
_CHOICES: list[dict[str, Any]] = [
    *({"amount": amount} for amount in (0.3, 0.5, 0.7)),
    {"amount": 0.5, "scope": "global"},
    *({"amount": amount, "recover": _RECOVER} for amount in (0.5, 0.7, 0.9)),
]
"""The embeddings are always among the weights: most weights of this student are there."""


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
    """Return a row for the dense student, and one for each choice of zeros, compared with the dense student."""
    dense = validation_logits(load_classifier(student), context)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for number, choice in enumerate([{}, *_CHOICES]):
            model, folder = load_classifier(student), Path(name) / str(number)
            if choice:
                inside = replace(context, scratch=folder / "training", remarks=[])
                model = run(model, inside, Parameters.model_validate({"embeddings": True, **choice}))
            found = compare(context, dense, validation_logits(model, context))
            change = in_points(-found.drop, -found.high, -found.low) if choice else ""
            zeros = f"{percent(choice['amount'], 0)}, {choice.get('scope', 'layer')}" if choice else "none"
            recovered = "one epoch" if "recover" in choice else ""
            rows.append([zeros, recovered, percent(found.value, 2), change, *_sizes(model, folder)])
    headers = [
        "zeros",
        "recovery",
        context.task.metric,
        "change, pp",
        "FP32 file",
        "zipped",
        "INT8 file",
        "zipped",
    ]
    return markdown_table(headers, rows)


def _sizes(model: "PreTrainedModel", folder: Path) -> Iterator[str]:
    """Yield the sizes of the safetensors, then of the INT8 ONNX file: on disk, and deflated as in an app bundle."""
    model.save_pretrained(folder)
    export(model, folder / "student-int8.onnx", "int8")
    for file in (folder / "model.safetensors", folder / "student-int8.onnx"):
        yield f"{file.stat().st_size / 1e6:.1f} MB"
        yield f"{deflated_bytes(file) / 1e6:.2f} MB"


if __name__ == "__main__":
    main()
