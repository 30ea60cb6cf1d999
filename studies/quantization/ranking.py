"""The ranking of layers by what rounding costs in them, compared with rounding each layer alone.

`python -m studies.quantization.ranking [FOLDER]` ranks the linear layers and embeddings of a stage of a build of
`recipes/offline.toml` (by default artifacts/offline/stages/03-prune-vocab) on the first training rows, in several
orders, for INT8 and for INT4.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import numpy as np
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.nn import functional

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.pipeline.shipping.ranking import ROWS, rounded_weight, rounding_costs
from pocketbert.compress.runtimes.torch import TorchSession
from pocketbert.compress.tasks.inputs import Inputs, predict
from pocketbert.compress.training.forward.fake_quant import round_activations
from pocketbert.compress.training.forward.padding import Visible, visible_tokens
from studies.shared.built import Built
from studies.shared.page import markdown_table

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Errors = dict[str, tuple[float, float]]
"""Layer -> sums over the rows of its squared output error and of its squared output."""


def main() -> None:
    """Print the table."""
    quiet()
    built, table = Built.named(sys.argv[1:]), []
    model, train = built.model, built.inputs("train")
    with Progress() as progress:
        rows, more = train.first(ROWS), train.first(2 * ROWS)
        costs, again = (rounding_costs(model, inputs, progress) for inputs in (rows, more))
        for precision in ("int8", "int4"):
            names = [name for name, cost in costs.items() if precision in cost]
            alone, errors = _alone(model, names, precision, rows, progress)
            orders = {
                "effect on the output, first order": {name: costs[name][precision] for name in names},
                f"the same, {2 * ROWS} rows": {name: again[name][precision] for name in names},
                "error of the layer's output, relative": {name: errors[name][0] / errors[name][1] for name in names},
                "error of the layer's output": {name: errors[name][0] for name in names},
            }
            worst = sorted(names, key=lambda name: -alone[name])[:5]
            for words, scores in orders.items():
                first = sorted(names, key=lambda name: -scores[name])[:5]
                rank = spearmanr([scores[name] for name in names], [alone[name] for name in names]).statistic
                table.append([precision.upper(), words, f"{rank:.2f}", f"{len({*worst} & {*first})} of 5"])
    headers = [
        "precision",
        f"ranked by, {ROWS} rows",
        "rank correlation with rounding each alone",
        "of the worst 5 among the first 5",
    ]
    print(markdown_table(headers, table))


def _alone(
    model: "PreTrainedModel", names: Sequence[str], precision: str, inputs: Inputs, progress: Progress
) -> tuple[dict[str, float], Errors]:
    """Return for each layer the mean squared change of the logits if it alone is rounded, and its own error."""
    exact = predict(TorchSession(model).logits, inputs)
    moved, errors = {}, {}
    with progress.work(f"rounding one layer at a time to {precision.upper()}", len(names)) as bar:
        for name in names:
            layer = cast("nn.Linear | nn.Embedding", model.get_submodule(name))
            with visible_tokens(model) as visible, _rounded(layer, precision, visible) as sums:
                moved[name] = float(np.square(predict(TorchSession(model).logits, inputs) - exact).mean())
            errors[name] = (sums[0], sums[1])
            bar.advance()
    return moved, errors


@contextmanager
def _rounded(layer: nn.Linear | nn.Embedding, precision: str, visible: Visible) -> Iterator[list[float]]:
    """Make the layer compute as in a file inside the block; yields the sums of squares of its error and its output."""
    weight, sums = rounded_weight(layer, precision), [0.0, 0.0]

    def replaced(_: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        if isinstance(layer, nn.Embedding):
            rounded = functional.embedding(inputs[0], weight)
        else:
            rounded = functional.linear(round_activations(inputs[0], visible.of(inputs[0])), weight, layer.bias)
        sums[0] += float((rounded - output).square().sum())
        sums[1] += float(output.square().sum())
        return rounded

    handle = layer.register_forward_hook(replaced)
    try:
        yield sums
    finally:
        handle.remove()


if __name__ == "__main__":
    main()
