"""Speed of a training step on the CPU with PyTorch's attention and dropout, and with those of pocketbert.

`python -m studies.training_step` trains the offline teacher for some steps on batches of one length, each way in turn,
in three rounds, and prints the fastest step of each. On one CPU thread, CPU time counts, not what other processes take.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.models.pretrained import load_teacher
from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.training.forward.attention import fast_on_cpu
from pocketbert.compress.training.precision import autocast, has_bf16
from studies.shared.clock import now
from studies.shared.page import markdown_table

_LENGTHS, _BATCH, _ROUNDS, _STEPS = (32, 64, 128, 256), 32, 3, 2
_WAYS: dict[str, Callable[[PreTrainedModel], AbstractContextManager[None]]] = {
    "PyTorch's": lambda _: nullcontext(),
    "pocketbert's": fast_on_cpu,
}


def main() -> None:
    """Print the table."""
    quiet()
    model, _ = load_teacher(
        load_recipe(Path("recipes/offline.toml")).teacher.model, ["0", "1"], Path("artifacts/.sources")
    )
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    rows = []
    with Progress(thread=False) as progress, progress.work("training", len(_LENGTHS) * _ROUNDS * len(_WAYS)) as work:
        for length in _LENGTHS:
            fastest = dict.fromkeys(_WAYS, float("inf"))
            for _ in range(_ROUNDS):
                for name, way in _WAYS.items():
                    with way(model):
                        fastest[name] = min(fastest[name], *(_step(model, optimizer, length) for _ in range(_STEPS)))
                    work.advance()
            theirs, ours = fastest.values()
            rows.append([length, f"{theirs:.2f} s", f"{ours:.2f} s", f"{theirs / ours:.2f}×"])
    precision = "BF16" if has_bf16() else "FP32"
    print(markdown_table([f"tokens, {precision}", *(f"a step with {name}" for name in _WAYS), "faster"], rows))


def _step(model: PreTrainedModel, optimizer: torch.optim.Optimizer, length: int) -> float:
    """Train on one batch, in which half of the rows have hidden tokens; returns the seconds it took."""
    ids = torch.randint(5, model.config.vocab_size, (_BATCH, length))
    mask = torch.ones_like(ids)
    mask[::2, -4:] = 0
    begin = now()
    with autocast():
        loss = cross_entropy(model(input_ids=ids, attention_mask=mask).logits.float(), torch.arange(_BATCH) % 2)
    torch.autograd.backward(loss)
    optimizer.step()
    optimizer.zero_grad()
    return now() - begin


if __name__ == "__main__":
    main()
