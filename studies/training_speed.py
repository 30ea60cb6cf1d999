"""Speed of the teacher's training with each time-saving technique, in examples per second.

`python -m studies.training_speed` trains the offline teacher for some steps with each technique in turn, in two rounds,
and prints the median speed and its ratio to the plain training.
"""

import copy
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from tabulate import tabulate
from torch import Tensor, nn

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.data.texts import read_texts, tokenize
from pocketbert.compress.models.pretrained import load_teacher
from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.tasks.inputs import Inputs
from pocketbert.compress.training.frozen import LowerStates, UpperLayers

ROWS, BATCH, ROUNDS, DEPTH = 640, 32, 2, 6
Read = Callable[[list[int]], dict[str, Tensor]]
"""Indices of rows -> their batch."""


def main() -> None:
    """Print the table."""
    quiet()
    recipe = load_recipe(Path("recipes/offline.toml"))
    texts = read_texts(recipe.task)
    model, tokenizer = load_teacher(recipe.teacher.model, texts.task.labels, Path("artifacts/.sources"))
    with tempfile.TemporaryDirectory() as name, Progress(thread=False) as progress:
        tokenizer.save_pretrained(name)
        tokens = tokenize(texts, Path(name) / "tokenizer.json")
        inputs = tokens.train.inputs.first(ROWS)
        rows, labels = inputs.sequences, torch.from_numpy(tokens.train.labels[:ROWS])
        by_length = sorted(range(ROWS), key=lambda row: len(rows[row]))
        pruned, ids = _prune_vocabulary(model, rows)
        renumbered = Inputs([[ids[token] for token in row] for row in rows], ids[inputs.padding])
        frozen = copy.deepcopy(model)
        for part in (frozen.bert.embeddings, *frozen.bert.encoder.layer[:DEPTH]):
            part.requires_grad_(False)
        with progress.work("running the frozen layers", ROWS) as work:
            states = LowerStates(model, DEPTH, inputs, Path(name) / "lower.npy", work)
        ways: dict[str, tuple[nn.Module, list[int], Read]] = {
            "rows as they come, padded": (model, list(range(ROWS)), inputs.tensors),
            "batches grouped by length": (model, by_length, inputs.tensors),
            "… and the vocabulary pruned to the rows'": (pruned, by_length, renumbered.tensors),
            f"… instead, embeddings and {DEPTH} layers frozen": (frozen, by_length, inputs.tensors),
            "… and their output computed once": (UpperLayers(frozen, DEPTH), by_length, states.batch),
        }
        speeds: dict[str, list[float]] = {way: [] for way in ways}
        with progress.work("training", ROUNDS * len(ways)) as work:
            for _ in range(ROUNDS):
                for way, (trained, order, read) in ways.items():
                    speeds[way].append(_speed(trained, order, read, labels))
                    work.advance()
    first = median(next(iter(speeds.values())))
    table = [[way, f"{median(found):.1f}", f"{median(found) / first:.2f}×"] for way, found in speeds.items()]
    print(tabulate(table, headers=["training of the offline teacher", "examples/s", "ratio"], tablefmt="pipe"))


def _speed(model: nn.Module, order: list[int], read: Read, labels: Tensor) -> float:
    """Return the examples per second of one epoch: forward, backward, AdamW."""
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-5, fused=True)
    model.train()
    begin = time.monotonic()
    for start in range(0, ROWS, BATCH):
        indices = order[start : start + BATCH]
        loss = nn.functional.cross_entropy(model(**read(indices)).logits, labels[indices])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    return ROWS / (time.monotonic() - begin)


def _prune_vocabulary(model: Any, rows: list[list[int]]) -> tuple[nn.Module, dict[int, int]]:
    """Return a copy of the model with only the tokens of the rows, and token id -> new id."""
    smaller: Any = copy.deepcopy(model)
    table = smaller.bert.embeddings.word_embeddings
    used = sorted({token for row in rows for token in row} | {table.padding_idx})
    ids = {token: at for at, token in enumerate(used)}
    weight = table.weight.detach()[used].clone()
    kept = nn.Embedding(weight.shape[0], weight.shape[1], padding_idx=ids[table.padding_idx])
    kept.weight.data = weight
    smaller.bert.embeddings.word_embeddings = kept
    return smaller, ids


if __name__ == "__main__":
    main()
