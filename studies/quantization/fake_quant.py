"""Accuracy of INT4 and INT8 files of students that were trained with and without rounding.

`python -m studies.quantization.fake_quant RECIPE` (``reviews``, ``people-daily`` or ``offline``) trains the student of
the recipe's distill stage on the teacher's pruned vocabulary, with and without ``fake_quant = "int4"`` (of people-daily
on fewer rows). Its ONNX files, and with ``--mobile`` its ``.tflite`` and ``.pte`` files, are scored on the test split,
one text at a time. Each run is cached below `artifacts/study`; the table is printed.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.exports import FORMATS
from pocketbert.compress.pipeline.recipe import Recipe, load_recipe
from pocketbert.compress.pipeline.shipping.artifact import Export
from pocketbert.compress.stages import distill, prune_vocab
from studies.distillation import SEEDS, Run, Study, lead, shown
from studies.shared.page import markdown_table

_FOLDER = Path("artifacts/study/fake-quant")
_FLOAT = "onnx FP32"
_MOBILE = ("litert", "executorch")
_FEWER: dict[str, dict[str, str]] = {
    "people-daily": {
        "task.limit": "{ train = 3_000, validation = 1_000, test = 2_000 }",
        "teacher.epochs": "4",
        "distill.epochs": "4",
    }
}
"""Overrides of the recipe: with all rows, the six students take three hours."""
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
_TRAININGS = {"no rounding": None, 'fake_quant = "int4"': "int4"}


@app.command()
def main(
    recipe: Annotated[str, typer.Argument(help="reviews, people-daily or offline")],
    seeds: Annotated[int, typer.Option(help="Number of seeds.")] = len(SEEDS),
    mobile: Annotated[bool, typer.Option("--mobile", help="Score .tflite and .pte files too.")] = False,
) -> None:
    """Print the table."""
    quiet()
    fewer = _FEWER.get(recipe, {})
    read = load_recipe(Path(f"recipes/{recipe}.toml"), fewer)
    settings = next(stage for stage in read.stages if isinstance(stage, distill.Parameters)).model_dump()
    exports = {
        f"{export.format} {export.precision.upper()}": export
        for export in _exports(read, ("onnx", *(_MOBILE if mobile else ())))
    }
    found: dict[str, dict[str, list[Run]]] = {name: {file: [] for file in exports} for name in _TRAININGS}
    with Progress() as progress:
        study = Study(read, _FOLDER / recipe, progress, build=None if fewer else Path("artifacts") / recipe)
        study.prune_vocabulary(prune_vocab.Parameters())
        for seed in SEEDS[:seeds]:
            for name, rounding in _TRAININGS.items():
                for file, export in exports.items():
                    run = study.student("student", seed, settings | {"fake_quant": rounding}, export)
                    found[name][file].append(run)
    plain = found["no rounding"]
    rows = [
        [
            f"{name}: {file}",
            shown(runs)[0],
            "" if file == _FLOAT else lead(runs, files[_FLOAT], paired=True),
            "" if files is plain else lead(runs, plain[file], paired=True),
            "" if runs is plain[_FLOAT] else lead(runs, plain[_FLOAT], paired=True),
        ]
        for name, files in found.items()
        for file, runs in files.items()
    ]
    leads = ["over its own FP32 file, pp", "over no rounding, pp", "over FP32 without rounding, pp"]
    print(markdown_table([f"{recipe}: training and file", f"{study.task.metric}, test", *leads], rows))


def _exports(recipe: Recipe, formats: Sequence[str]) -> Iterator[Export]:
    """Yield the files of each student: FP32 in ONNX alone, because all formats compute the same in FP32."""
    yield Export("onnx", "fp32")
    for format_ in formats:
        for precision in ("int8", "int4"):
            lengths = (recipe.task.max_length,) if FORMATS[format_].fixed_lengths else ()
            yield Export(format_, precision, lengths=lengths)


if __name__ == "__main__":
    app()
