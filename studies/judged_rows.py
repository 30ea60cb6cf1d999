"""Drops of a build's student on the rows that chose its epochs, on the rows that the guard held back, and on test.

`python -m studies.judged_rows RECIPE [--set KEY=VALUE …]` reads the finished build of the recipe below `artifacts`. The
teacher and the model that was exported answer the test rows in FP32; the table of docs/results.md is printed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from pocketbert.compress.base.errors import percent
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.data.texts import Texts, read_texts
from pocketbert.compress.manifest import Comparison, load_manifest
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pipeline.guard import held_back
from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.pipeline.steps.step import TOKENIZER
from pocketbert.compress.tasks.rows import predictions_of
from pocketbert.compress.tasks.tokenizer import load_tokenizer
from pocketbert.compress.training.precision import exact_logits
from studies.shared.page import in_points, markdown_table

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    recipe: Annotated[Path, typer.Argument(help="File of the recipe.")],
    changes: Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE, as of the build.")] = None,
) -> None:
    """Print the table."""
    quiet()
    read = load_recipe(recipe, dict(change.split("=", 1) for change in changes or []))
    texts, root = read_texts(read.task), Path("artifacts", read.name)
    accepted = [step.name for step in load_manifest(root / "manifest.json").steps if step.decision != "rolled-back"]
    stages = [root / "stages" / name for name in accepted if (root / "stages" / name).is_dir()]
    teacher, student = stages[0], stages[-1]
    gold = texts.splits["validation"]["label"]
    held = held_back(read.guard, gold)
    if held is None:
        raise typer.BadParameter(
            'the guard decides on all validation rows; expected guard.rows = "half" and 1,000 rows'
        )
    chose = np.setdiff1d(np.arange(len(gold)), held)
    own, other = (np.load(folder / "validation.npy", allow_pickle=False) for folder in (teacher, student))
    parts = {
        "all validation rows": np.arange(len(gold)),
        "those that chose the epochs": chose,
        "those held back": held,
    }
    rows = []
    for name, part in parts.items():
        at = predictions_of(gold, part)
        chosen = [gold[row] for row in part]
        rows.append(_row(texts, f"{name} ({len(part):,})", chosen, own[at], other[at]))
    with Progress() as progress:
        own, other = (_test_logits(folder, texts, progress) for folder in (teacher, student))
    test = texts.splits["test"]["label"]
    rows.append(_row(texts, f"test ({len(test):,})", test, own, other))
    print(markdown_table([f"{read.name}: rows", "teacher", "student", "change, pp (95 % CI)"], rows))


def _row(
    texts: Texts, name: str, gold: Sequence[Any], teacher: NDArray[np.float32], student: NDArray[np.float32]
) -> list[str]:
    found = Comparison.of(texts.task, gold, teacher, student, 0.95)
    change = in_points(-found.drop, -found.high, -found.low)
    return [name, percent(found.reference, 2), percent(found.value, 2), change]


def _test_logits(stage: Path, texts: Texts, progress: Progress) -> NDArray[np.float32]:
    inputs = texts.task.encode(load_tokenizer(stage / TOKENIZER), texts.splits["test"])
    with progress.work(f"scoring {stage.name}", len(inputs)) as bar:
        return exact_logits(load_classifier(stage / "model"), inputs, bar.advance)


if __name__ == "__main__":
    app()
