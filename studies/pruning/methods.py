"""What pruning costs and buys on the offline teacher, and what the methods of choosing are worth.

`python -m studies.pruning.methods` takes the teacher of `recipes/offline.toml` (built if need be), cuts it in every way
that docs/pruning.md speaks of, and prints the tables of that page.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from tabulate import tabulate

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.exports.onnx import export
from pocketbert.compress.manifest import Comparison
from pocketbert.compress.models.sizes import encoder_macs
from pocketbert.compress.pipeline.build import fine_tuned
from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.pruning.importance import METHODS, importance, masks, summed_loss
from pocketbert.compress.pruning.replay import run_by_layer, run_from
from pocketbert.compress.pruning.selection import Cut
from pocketbert.compress.pruning.surgery import keep_layers, without
from pocketbert.compress.runtimes import open_session
from pocketbert.compress.runtimes.torch import TorchSession
from pocketbert.compress.stages import prune_vocab, prune_width
from pocketbert.compress.tasks.inputs import batches, predict
from pocketbert.compress.training.context import Context
from pocketbert.compress.training.distillation.distil import Distillation

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_ROWS = 512
"""Calibration rows."""
_SEEDS = (1, 2, 3)
_ROUNDS = 60


def main() -> None:
    """Print the tables."""
    quiet()
    recipe = load_recipe(Path("recipes/offline.toml"))
    with Progress() as progress:
        model, context = fine_tuned(recipe, Path("artifacts/offline"), progress)
        answers = _answers(model, context)
        for headline, table in (
            ("Same logits", _equivalence),
            ("Time of the scores", _seconds),
            ("Without retraining", _methods),
            ("After one epoch, and the latency", _recovered),
        ):
            print(f"\n## {headline}\n\n{table(model, context, answers)}", flush=True)


def _width(target_macs: float, importance: str = "fisher") -> prune_width.Parameters:
    settings = {"target_macs": target_macs, "importance": importance, "calibration_rows": _ROWS}
    return prune_width.Parameters.model_validate(settings)


def _answers(model: "PreTrainedModel", context: Context) -> NDArray[np.float32]:
    inputs = context.validation.inputs
    with context.progress.work("answering the validation rows", len(inputs)) as work:
        return predict(TorchSession(model).logits, inputs, progress=work.advance)


def _table(headers: list[str], rows: list[list[Any]]) -> str:
    return str(tabulate(rows, headers=headers, tablefmt="pipe", disable_numparse=True))


def _equivalence(model: "PreTrainedModel", context: Context, answers: NDArray[np.float32]) -> str:
    """Largest logit difference between parts cut out and parts masked (layers: skipped), on the validation rows."""
    cut = prune_width.choose(model, context, _width(0.5))
    rows = []
    for name, part in (("heads", Cut(heads=cut.heads)), ("FFN neurons", Cut(neurons=cut.neurons))):
        with masks(model) as ones, torch.no_grad():
            for layer, units in part.heads.items():
                ones.heads[layer][:, units] = 0.0
            for layer, units in part.neurons.items():
                ones.neurons[layer][:, units] = 0.0
            masked = _answers(model, context)
        count = sum(len(units) for units in (*part.heads.values(), *part.neurons.values()))
        smaller = _answers(without(model, part.heads, part.neurons), context)
        rows.append([f"{count:,} {name}", "multiplied by 0", f"{np.abs(smaller - masked).max():.1e}"])
    inputs = context.validation.inputs
    *_, (_, states) = run_by_layer(_skipping(model, [3, 7]), inputs)
    skipped = run_from(model, states, model.config.num_hidden_layers, inputs)
    kept = [layer for layer in range(model.config.num_hidden_layers) if layer not in (3, 7)]
    difference = np.abs(_answers(keep_layers(model, kept), context) - skipped).max()
    rows.append(["layers 3 and 7", "skipped", f"{difference:.1e}"])
    rows.append(_vocabulary(model, context))
    return _table(["cut out", "against the full model with them", "largest difference of a logit"], rows)


def _skipping(model: "PreTrainedModel", layers: list[int]) -> "PreTrainedModel":
    """A shallow copy that shares all weights and runs past `layers`."""
    import copy

    skipping = copy.copy(model)
    skipping._modules = dict(model._modules)
    base = copy.copy(model.base_model)
    base._modules = dict(base._modules)
    encoder = copy.copy(base.encoder)
    encoder._modules = {
        "layer": torch.nn.ModuleList(layer for n, layer in enumerate(base.encoder.layer) if n not in layers)
    }
    base._modules["encoder"] = encoder
    skipping._modules[model.base_model_prefix] = base
    return skipping


def _vocabulary(model: "PreTrainedModel", context: Context) -> list[str]:
    """The first 1,000 training texts through the model with the smaller vocabulary."""
    from tokenizers import Tokenizer

    with tempfile.TemporaryDirectory() as folder:
        inside = replace(context, new_tokenizer=Path(folder) / "tokenizer", remarks=[])
        small = prune_vocab.run(model, inside, prune_vocab.Parameters())
        tokenizer = Tokenizer.from_file(f"{folder}/tokenizer/tokenizer.json")
    rows = context.train.first(1000)
    renumbered = context.task.encode(tokenizer, rows.columns)
    before = predict(TorchSession(model).logits, rows.inputs)
    after = predict(TorchSession(small).logits, renumbered, small.config.pad_token_id)
    name = f"vocabulary: {inside.remarks[0].partition(';')[0].removeprefix('vocabulary ')}"
    return [name, "full vocabulary, 1,000 training texts", f"{np.abs(before - after).max():.1e}"]


def _seconds(model: "PreTrainedModel", context: Context, answers: NDArray[np.float32]) -> str:
    """Scores of all heads and neurons against what one pass of training costs, on the same rows."""
    rows = context.labelled.first(_ROWS)

    def both_ways() -> None:
        model.eval()
        for numbers, batch in batches(rows.inputs, 32):
            torch.autograd.backward(summed_loss(model, batch, rows, numbers))
        model.zero_grad()

    ways: dict[str, Callable[[], Any]] = {"forward and backward, once": both_ways}
    for method in METHODS:
        ways[f"scores: {method}"] = partial(_score, model, context, method)
    spent: dict[str, list[float]] = {way: [] for way in ways}
    both_ways()  # warm
    for _ in range(3):
        for way, work in ways.items():
            spent[way].append(_timed(work))
    passes = median(spent["forward and backward, once"])
    table = [[way, f"{median(found):.1f}", f"{median(found) / passes:.2f}"] for way, found in spent.items()]
    return _table([f"{_ROWS} calibration rows", "seconds", "of a pass"], table)


def _score(model: "PreTrainedModel", context: Context, method: str) -> None:
    importance(model, context.labelled.first(_ROWS), method, context.seed, context.progress)


def _timed(work: Callable[[], Any]) -> float:
    begin = time.monotonic()
    work()
    return time.monotonic() - begin


def _methods(model: "PreTrainedModel", context: Context, answers: NDArray[np.float32]) -> str:
    """Heads and neurons by every method at three strengths, no training; random is the mean of three seeds."""
    rows = []
    for target in (0.75, 0.6, 0.5):
        for method in METHODS:
            drops = []
            for seed in _SEEDS if method == "random" else _SEEDS[:1]:
                cut = prune_width.run(model, replace(context, seed=seed, memo={}), _width(target, method))
                drops.append(_drop(context, answers, cut))
            if len(drops) == 1:
                drop, low, high = drops[0]
                shown = f"{drop:+.2f} ({low:+.2f} to {high:+.2f})"
            else:
                shown = f"{fmean(d for d, _, _ in drops):+.2f} (seeds: {', '.join(f'{d:+.2f}' for d, _, _ in drops)})"
            rows.append([f"{target - 1:+.0%}", method, shown])
    return _table(["encoder MACs", "importance", "points lost, validation"], rows)


def _drop(context: Context, answers: NDArray[np.float32], cut: "PreTrainedModel") -> tuple[float, float, float]:
    found = Comparison.of(context.task, context.validation.gold, answers, _answers(cut, context), 0.95)
    return 100 * found.drop, 100 * found.low, 100 * found.high


def _recovered(model: "PreTrainedModel", context: Context, answers: NDArray[np.float32]) -> str:
    """Half the MACs and one epoch of distillation; then what it is worth in milliseconds."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = dict(_files(model, folder / "teacher"))
        for target in (0.75, 0.5):
            chosen = _width(target)
            before = _drop(context, answers, prune_width.run(model, context, chosen))
            learnt = chosen.model_copy(update={"recover": Distillation.model_validate({"alpha": 0.3})})
            cut = prune_width.run(model, replace(context, scratch=folder / f"{target}"), learnt)
            drop, low, high = _drop(context, answers, cut)
            left = encoder_macs(cut.config) / encoder_macs(model.config)
            ratios = [_ratio(files[p], path) for p, path in _files(cut, folder / f"cut-{target}")]
            rows.append(
                [
                    f"{left:.1%}",
                    f"{before[0]:+.2f}",
                    f"{drop:+.2f} ({low:+.2f} to {high:+.2f})",
                    *(f"{ratio:.1%}" for ratio in ratios),
                ]
            )
    headers = ["encoder MACs left", "points lost", "after one epoch", "latency left, ORT FP32", "ORT INT8"]
    return _table(headers, rows)


def _files(model: "PreTrainedModel", stem: Path) -> Iterator[tuple[str, Path]]:
    for precision in ("fp32", "int8"):
        path = stem.with_name(f"{stem.name}-{precision}.onnx")
        export(model, path, precision)
        yield precision, path


def _ratio(reference: Path, candidate: Path) -> float:
    """Median of the latency ratios of `_ROUNDS` neighbouring runs: one text of 128 tokens, one thread."""
    batch = {"input_ids": np.full((1, 128), 9), "attention_mask": np.ones((1, 128), dtype=np.int64)}
    sessions = [open_session("onnxruntime", path, 1) for path in (reference, candidate)]
    ratios = []
    for number in range(_ROUNDS + 5):
        spent = [0.0, 0.0]
        for side in (0, 1) if number % 2 else (1, 0):
            spent[side] = _timed(partial(sessions[side].logits, batch))
        ratios.append(spent[1] / spent[0])
    return median(ratios[5:])


if __name__ == "__main__":
    main()
