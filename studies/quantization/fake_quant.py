"""Accuracy of INT4 and INT8 files of students that were trained with and without rounding.

`python -m studies.quantization.fake_quant RECIPE` (``reviews``, ``people-daily`` or ``offline``) trains the student of
the recipe's distill stage on the teacher's pruned vocabulary, with and without ``fake_quant = "int4"``. Its ONNX files
are scored on the test split, one text at a time. Each run is cached below `artifacts/study`; the table is printed.
"""

from pathlib import Path
from typing import Annotated

import typer

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.pipeline.shipping.artifact import Export
from pocketbert.compress.stages import distill, prune_vocab
from studies.distillation import SEEDS, Run, Study, lead, shown
from studies.shared.page import markdown_table

_FOLDER = Path("artifacts/study/fake-quant")
_PRECISIONS = ("fp32", "int8", "int4")
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
_TRAININGS = {"no rounding": None, 'fake_quant = "int4"': "int4"}


@app.command()
def main(
    recipe: Annotated[str, typer.Argument(help="reviews, people-daily or offline")],
    seeds: Annotated[int, typer.Option(help="Number of seeds.")] = len(SEEDS),
) -> None:
    """Print the table."""
    quiet()
    read = load_recipe(Path(f"recipes/{recipe}.toml"))
    settings = next(stage for stage in read.stages if isinstance(stage, distill.Parameters)).model_dump()
    found: dict[str, dict[str, list[Run]]] = {name: {precision: [] for precision in _PRECISIONS} for name in _TRAININGS}
    with Progress() as progress:
        study = Study(read, _FOLDER / recipe, progress, build=Path("artifacts") / recipe)
        study.prune_vocabulary(prune_vocab.Parameters())
        for seed in SEEDS[:seeds]:
            for name, rounding in _TRAININGS.items():
                for precision in _PRECISIONS:
                    export = Export("onnx", precision)
                    run = study.student("student", seed, settings | {"fake_quant": rounding}, export)
                    found[name][precision].append(run)
    plain = found["no rounding"]
    rows = [
        [
            f"{name}: {precision.upper()} file",
            shown(runs)[0],
            "" if precision == "fp32" else lead(runs, files["fp32"], paired=True),
            "" if files is plain else lead(runs, plain[precision], paired=True),
            "" if runs is plain["fp32"] else lead(runs, plain["fp32"], paired=True),
        ]
        for name, files in found.items()
        for precision, runs in files.items()
    ]
    leads = ["over its own FP32 file, pp", "over no rounding, pp", "over FP32 without rounding, pp"]
    print(markdown_table([f"{recipe}: training and file", f"{study.task.metric}, test", *leads], rows))


if __name__ == "__main__":
    app()
