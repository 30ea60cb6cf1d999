"""The ranking of linear layers by their damage in INT8, compared with rounding each layer alone.

`python -m studies.quantization.ranking [FOLDER]` ranks the layers of a stage of a build of `recipes/offline.toml`
(by default artifacts/offline/stages/02-distill) on the first training rows, in three orders.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import spearmanr
from tabulate import tabulate
from torch import Tensor, nn
from torch.nn import functional

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.data.texts import read_texts, tokenize
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.pipeline.shipping.ranking import ROWS, rank_linears, rounded_activation, rounded_weight
from pocketbert.compress.pipeline.steps.step import TOKENIZER
from pocketbert.compress.runtimes.torch import TorchSession
from pocketbert.compress.tasks.inputs import Inputs, predict

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Errors = dict[str, tuple[float, float]]
"""Linear layer -> sums over the rows of its squared output error and of its squared output."""


def main() -> None:
    """Print the table."""
    quiet()
    folder = Path(sys.argv[1] if sys.argv[1:] else "artifacts/offline/stages/02-distill")
    model = load_classifier(folder / "model")
    with Progress() as progress:
        tokens = tokenize(read_texts(load_recipe(Path("recipes/offline.toml")).task), folder / TOKENIZER)
        rows, more = tokens.train.inputs.first(ROWS), tokens.train.inputs.first(2 * ROWS)
        ranked = rank_linears(model, rows, progress)
        again = rank_linears(model, more, progress)
        alone, errors = _alone(model, rows, progress)
    names = sorted(alone, key=lambda name: -alone[name])
    orders = {
        "effect on the output, first order": ranked,
        f"the same, {2 * ROWS} rows": again,
        "error of the Linear's output, relative": sorted(names, key=lambda name: -errors[name][0] / errors[name][1]),
        "error of the Linear's output": sorted(names, key=lambda name: -errors[name][0]),
    }
    table = [
        [
            words,
            f"{spearmanr(range(len(names)), [order.index(name) for name in names]).statistic:.2f}",
            f"{sum(name in order[:5] for name in names[:5])} of 5",
        ]
        for words, order in orders.items()
    ]
    headers = [
        f"ranked by, {ROWS} rows",
        "rank correlation with rounding each alone",
        "of the worst 5 among the first 5",
    ]
    print(tabulate(table, headers=headers, tablefmt="pipe"))


def _alone(model: "PreTrainedModel", inputs: Inputs, progress: Progress) -> tuple[dict[str, float], Errors]:
    """Return for each linear layer the mean squared change of the logits if it alone is rounded, and its own error."""
    exact = predict(TorchSession(model).logits, inputs)
    linears = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    moved, errors = {}, {}
    with progress.work("rounding one linear layer at a time", len(linears)) as bar:
        for name, linear in linears.items():
            with _rounded(linear) as sums:
                moved[name] = float(np.square(predict(TorchSession(model).logits, inputs) - exact).mean())
            errors[name] = (sums[0], sums[1])
            bar.advance()
    return moved, errors


@contextmanager
def _rounded(linear: nn.Linear) -> Iterator[list[float]]:
    """Make the layer compute in INT8 inside the block; yields the sums of squares of its error and of its output."""
    weight, sums = rounded_weight(linear.weight.detach()), [0.0, 0.0]

    def replaced(_: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        rounded = functional.linear(rounded_activation(inputs[0]), weight, linear.bias)
        sums[0] += float((rounded - output).square().sum())
        sums[1] += float(output.square().sum())
        return rounded

    handle = linear.register_forward_hook(replaced)
    try:
        yield sums
    finally:
        handle.remove()


if __name__ == "__main__":
    main()
