"""The text of a first recipe: its stages and files depend on the size that the user asks for."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len, set_cell_size

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class Size(StrEnum):
    """How much a build is to do, and how small its files become."""

    QUICK = "quick"
    BALANCED = "balanced"
    SMALLEST = "smallest"


SIZES = {
    Size.QUICK: "a first result on few rows: it shows that everything works, and its accuracy means little",
    Size.BALANCED: "a third of the layers, INT8: fast, and about as accurate as the teacher",
    Size.SMALLEST: "a third of the layers, half as wide, INT8 and INT4: the smallest file, and the longest training",
}
_QUICK = {"train": 2000, "validation": 500, "test": 1000}
_EPOCHS = {Size.QUICK: 2, Size.BALANCED: 4, Size.SMALLEST: 8}
_KINDS = {
    "classification": "one label per text",
    "matching": "one label per pair of texts",
    "tagging": "a tag per token",
}
_WIDE = 512
"""Channels from which a student learns at the lower learning rate."""


@dataclass(frozen=True)
class Wanted:
    """What a recipe is written for. `task` holds the keys of ``[task]`` and `comments` a comment for some of them.

    `prunable`: the pieces of the vocabulary are independent of one another, so that some can be removed. `grouped`: the
    splits whose rows are sorted by label; their first rows would have one label.
    """

    name: str
    command: str
    model: str
    tuned: bool
    task: dict[str, Any]
    comments: dict[str, str]
    config: "PretrainedConfig"
    prunable: bool = True
    grouped: Collection[str] = ()


def recipe_text(wanted: Wanted, size: Size) -> str:
    """Return the recipe as TOML."""
    task = dict(wanted.task)
    comments = {"kind": _KINDS[task["kind"]]} | wanted.comments
    limit = {split: rows for split, rows in _QUICK.items() if split not in wanted.grouped}
    if size == Size.QUICK and limit:
        task["limit"] = limit
        comments["limit"] = "rows: the first ones of each split. Remove this line to use all"
    teacher = {"model": wanted.model, "epochs": 0 if wanted.tuned else 3}
    why = "it is fine-tuned already" if wanted.tuned else "it is not fine-tuned yet, so the build trains it"
    guard = {"max_drop": 0.010, "rows": "half"}
    kept_back = "of the validation rows, if there are 1,000 or more; the others choose the best epoch"
    blocks = [
        f"# Written by: {wanted.command}\n# Size {size}: {SIZES[size]}.",
        _lines({"name": wanted.name, "seed": 13}, {}),
        "[task]\n" + _lines(task, comments),
        "[teacher]\n" + _lines(teacher | ({} if wanted.tuned else {"learning_rate": 3e-5}), {"epochs": why}),
        "[guard]\n"
        + _lines(
            guard, {"max_drop": "1 percentage point: a step that costs more is retried or undone", "rows": kept_back}
        ),
        *_stages(wanted.config, wanted.prunable, size),
        *_artifacts(size),
    ]
    return "\n\n".join(blocks) + "\n"


def _stages(config: "PretrainedConfig", prunable: bool, size: Size) -> list[str]:
    layers = max(2, config.num_hidden_layers // 3)
    blocks = []
    if prunable:
        blocks.append(
            "[[stage]]\n"
            + _lines(
                {"kind": "prune-vocab"}, {"kind": "removes tokens that neither these texts nor common Chinese needs"}
            )
        )
    if layers < config.num_hidden_layers:
        student: dict[str, Any] = {"init": "teacher-layers", "layers": layers}
        said = f"{layers} of the model's {config.num_hidden_layers} layers"
        if size == Size.SMALLEST and (narrow := _narrower(config)):
            student, said = student | narrow, f"{said}, and narrower ones"
        distill = {
            "kind": "distill",
            "student": student,
            "alpha": 0.3,
            "epochs": _EPOCHS[size],
            "learning_rate": 1e-4 if config.hidden_size >= _WIDE else 3e-4,
        }
        comments = {"student": said, "alpha": "weight of the labels; the rest is the teacher's predictions"}
        if size == Size.SMALLEST:
            distill["fake_quant"] = "int4"
            comments["fake_quant"] = "trains with the rounding of the smallest file"
        blocks.append("[[stage]]\n" + _lines(distill, comments))
    return blocks


def _narrower(config: "PretrainedConfig") -> dict[str, int]:
    """Return half of the heads, with their channels, and half of the neurons; three quarters if half is refused."""
    narrow = getattr(config, "embedding_size", config.hidden_size)
    for part in (2, 3):
        if config.num_attention_heads % 4 == 0 and narrow != (hidden := config.hidden_size * part // 4):
            heads, neurons = config.num_attention_heads * part // 4, config.intermediate_size * part // 4
            return {"hidden": hidden, "heads": heads, "intermediate": neurons}
    return {}


def _artifacts(size: Size) -> list[str]:
    precisions = {Size.QUICK: ["int8"], Size.BALANCED: ["fp32", "int8"], Size.SMALLEST: ["int8", "int4"]}[size]
    comments = {
        "fp32": "exact, to compare with",
        "int8": "the file for the phone",
        "int4": "smaller, with a larger drop",
    }
    return [
        "[[artifact]]\n" + _lines({"format": "onnx", "precision": precision}, {"precision": comments[precision]})
        for precision in precisions
    ]


def _lines(keys: Mapping[str, Any], comments: Mapping[str, str]) -> str:
    """Return one line per key, with its comment."""
    written = {key: f"{key} = {_toml(value)}" for key, value in keys.items()}
    widths = [cell_len(line) for key, line in written.items() if key in comments]  # an ideograph takes two cells
    return "\n".join(
        f"{set_cell_size(line, max(widths))}  # {comments[key]}" if key in comments else line
        for key, line in written.items()
    )


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {_toml(inner)}' for key, inner in value.items())} }}"
    if isinstance(value, float):
        return f"{value:g}" if value < 0.001 else f"{value:.3f}".rstrip("0")
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
