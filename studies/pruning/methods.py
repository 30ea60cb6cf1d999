"""Accuracy and latency of the offline teacher after pruning, for every importance method.

`python -m studies.pruning.methods` takes the teacher of `recipes/offline.toml` (trains it if necessary), prunes it in
every way that docs/pruning-results.md describes, and prints the tables of that page.
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

from pocketbert.compress.base.errors import percent
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.exports.onnx import export
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
from studies.shared.page import in_points, markdown_table
from studies.shared.race import race, ratio
from studies.shared.shapes import one_text
from studies.shared.validation import compare, validation_logits

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_ROWS = 512
"""Training rows for importance scores."""
_SEEDS = (1, 2, 3)
_ROUNDS = 60


def main() -> None:
    """Print the tables."""
    quiet()
    recipe = load_recipe(Path("recipes/offline.toml"))
    with Progress(thread=False) as progress:
        model, context = fine_tuned(recipe, Path("artifacts/offline"), progress)
        logits = validation_logits(model, context)
        for headline, table in (
            ("Same logits", _equivalence),
            ("Time of the scores", _seconds),
            ("Without retraining", _methods),
            ("After one epoch, and the latency", _recovered),
        ):
            print(f"\n## {headline}\n\n{table(model, context, logits)}", flush=True)


def _width(target_macs: float, importance: str = "fisher") -> prune_width.Parameters:
    settings = {"target_macs": target_macs, "importance": importance, "calibration_rows": _ROWS}
    return prune_width.Parameters.model_validate(settings)


def _equivalence(model: "PreTrainedModel", context: Context, logits: NDArray[np.float32]) -> str:
    """Return the largest logit differences between removed and masked parts (layers: skipped) on validation rows."""
    cut = prune_width.choose(model, context, _width(0.5))
    rows = []
    for name, part in (("heads", Cut(heads=cut.heads)), ("FFN neurons", Cut(neurons=cut.neurons))):
        with masks(model) as ones, torch.no_grad():
            for layer, units in part.heads.items():
                ones.heads[layer][:, units] = 0.0
            for layer, units in part.neurons.items():
                ones.neurons[layer][:, units] = 0.0
            masked = validation_logits(model, context)
        count = sum(len(units) for units in (*part.heads.values(), *part.neurons.values()))
        smaller = validation_logits(without(model, part.heads, part.neurons), context)
        rows.append([f"{count:,} {name}", "multiplied by 0", f"{np.abs(smaller - masked).max():.1e}"])
    inputs = context.validation.inputs
    *_, (_, states) = run_by_layer(_skipping(model, [3, 7]), inputs)
    skipped = run_from(model, states, model.config.num_hidden_layers, inputs)
    kept = [layer for layer in range(model.config.num_hidden_layers) if layer not in (3, 7)]
    difference = np.abs(validation_logits(keep_layers(model, kept), context) - skipped).max()
    rows.append(["layers 3 and 7", "skipped", f"{difference:.1e}"])
    rows.append(_vocabulary(model, context))
    return markdown_table(["removed", "against the full model with them", "largest difference of a logit"], rows)


def _skipping(model: "PreTrainedModel", layers: list[int]) -> "PreTrainedModel":
    """Return a shallow copy that shares all weights and skips `layers`."""
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
    """Compare the models before and after `prune-vocab` on the first 1,000 training texts."""
    from tokenizers import Tokenizer

    with tempfile.TemporaryDirectory() as folder:
        inside = replace(context, new_tokenizer=Path(folder) / "tokenizer", remarks=[])
        small = prune_vocab.run(model, inside, prune_vocab.Parameters())
        tokenizer = Tokenizer.from_file(f"{folder}/tokenizer/tokenizer.json")
    rows = context.train.first(1000)
    renumbered = context.task.encode(tokenizer, rows.columns)
    before = predict(TorchSession(model).logits, rows.inputs)
    after = predict(TorchSession(small).logits, renumbered)
    name = f"vocabulary: {inside.remarks[0].partition(';')[0].removeprefix('vocabulary ')}"
    return [name, "full vocabulary, 1,000 training texts", f"{np.abs(before - after).max():.1e}"]


def _seconds(model: "PreTrainedModel", context: Context, logits: NDArray[np.float32]) -> str:
    """Compare the time of the scores of all heads and neurons with one forward and backward pass on the same rows."""
    rows = context.labelled.first(_ROWS)

    def both_ways() -> None:
        model.eval()
        for indices, batch in batches(rows.inputs, 32):
            torch.autograd.backward(summed_loss(model, batch, rows, indices))
        model.zero_grad()

    ways: dict[str, Callable[[], Any]] = {"forward and backward, once": both_ways}
    for method in METHODS:
        ways[f"scores: {method}"] = partial(_score, model, context, method)
    spent: dict[str, list[float]] = {way: [] for way in ways}
    both_ways()  # warm
    for _ in range(3):
        for way, work in ways.items():
            spent[way].append(_timed(work))
    one_pass = median(spent["forward and backward, once"])
    table = [[way, f"{median(found):.1f}", f"{median(found) / one_pass:.2f}"] for way, found in spent.items()]
    return markdown_table([f"{_ROWS} scoring examples", "seconds", "of an epoch"], table)


def _score(model: "PreTrainedModel", context: Context, method: str) -> None:
    importance(model, context.labelled.first(_ROWS), method, context.seed, context.progress)


def _timed(work: Callable[[], Any]) -> float:
    begin = time.monotonic()
    work()
    return time.monotonic() - begin


def _methods(model: "PreTrainedModel", context: Context, logits: NDArray[np.float32]) -> str:
    """Prune heads and neurons by every method at three targets, no training; random is the mean of three seeds."""
    rows = []
    for target in (0.75, 0.6, 0.5):
        for method in METHODS:
            found = []
            for seed in _SEEDS if method == "random" else _SEEDS[:1]:
                cut = prune_width.run(model, replace(context, seed=seed, memo={}), _width(target, method))
                found.append(compare(context, logits, validation_logits(cut, context)))
            if len(found) == 1:
                shown = in_points(-found[0].drop, -found[0].high, -found[0].low)
            else:
                changes = [-100 * comparison.drop for comparison in found]
                shown = f"{fmean(changes):+.2f} (seeds: {', '.join(f'{change:+.2f}' for change in changes)})"
            rows.append([f"{100 * (target - 1):+.0f} %", method, shown])
    return markdown_table(["encoder MACs", "importance", "change on validation, pp"], rows)


def _recovered(model: "PreTrainedModel", context: Context, logits: NDArray[np.float32]) -> str:
    """Prune to three quarters and to half the MACs, distil for one epoch, and measure accuracy and latency."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = dict(_files(model, folder / "teacher"))
        for target in (0.75, 0.5):
            chosen = _width(target)
            before = compare(context, logits, validation_logits(prune_width.run(model, context, chosen), context))
            learnt = chosen.model_copy(update={"recover": Distillation.model_validate({"alpha": 0.3})})
            cut = prune_width.run(model, replace(context, scratch=folder / f"{target}"), learnt)
            after = compare(context, logits, validation_logits(cut, context))
            left = encoder_macs(cut.config) / encoder_macs(model.config)
            ratios = [
                _latency_ratio(files[p], path, context.progress) for p, path in _files(cut, folder / f"cut-{target}")
            ]
            trained = in_points(-after.drop, -after.high, -after.low)
            rows.append([percent(left), f"{-100 * before.drop:+.2f}", trained, *(percent(each) for each in ratios)])
    headers = ["encoder MACs left", "change, pp", "after one epoch, pp", "latency left, ORT FP32", "ORT INT8"]
    return markdown_table(headers, rows)


def _files(model: "PreTrainedModel", stem: Path) -> Iterator[tuple[str, Path]]:
    for precision in ("fp32", "int8"):
        path = stem.with_name(f"{stem.name}-{precision}.onnx")
        export(model, path, precision)
        yield precision, path


def _latency_ratio(reference: Path, candidate: Path, progress: Progress) -> float:
    """Return the median latency ratio over `_ROUNDS` rounds: one text of 128 tokens, one thread."""
    sessions = {path.name: open_session("onnxruntime", path, 1) for path in (reference, candidate)}
    times = race(sessions, one_text(words=13), _ROUNDS, 1, progress)
    return ratio(times[candidate.name], times[reference.name]).estimate


if __name__ == "__main__":
    main()
