"""Exports a Hugging Face checkpoint as one file and compares it with the checkpoint (``pocketbert export``)."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pocketbert.compress.base.errors import BadInput, nearest
from pocketbert.compress.base.files import atomic_write, files_of
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.exports import FORMATS, INPUTS
from pocketbert.compress.manifest import Parity
from pocketbert.compress.models.families import FAMILIES, is_token_level, positions
from pocketbert.compress.runtimes import EMULATED, require

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from pocketbert.compress.tasks.inputs import Inputs

_ARCHITECTURES = (*FAMILIES, "mobilebert")
_HEADS = ("ForSequenceClassification", "ForTokenClassification")
_ROWS, _FEW_ROWS = 32, 6
_LONGEST = 128
"""Tokens of the longest random row."""


class ExportFailed(Exception):
    """The export failed, or the file's logits differ from the checkpoint's; nothing was kept."""


class Exported(NamedTuple):
    """A written file. `rows` describes the rows of `parity`; `labels` counts the logits of a prediction."""

    path: Path
    bytes: int
    inputs: Sequence[str]
    parity: Parity
    rows: str
    notes: list[str]
    labels: int


def target(checkpoint: str, format_: str, precision: str, out: Path | None) -> Path:
    """Return the file or folder to write: `out`, or one in the current folder that is named after the checkpoint.

    Raises:
        BadInput: an unknown format or precision, a package that is not installed, or a path that exists already.
    """
    if format_ not in FORMATS:
        raise BadInput(f"--format: unknown {format_!r}{nearest(format_, FORMATS)}")
    known = FORMATS[format_]
    if precision not in known.precisions:
        raise BadInput(f"--precision {precision}: allowed for {format_}: {', '.join(known.precisions)}")
    require(known.runtime)
    path = out or Path(f"{Path(checkpoint).resolve().name}-{precision}.{known.suffix}")
    if path.suffix != f".{known.suffix}":
        raise BadInput(f"--out {path}: expected for {format_}: a name ending in .{known.suffix}")
    if path.exists():
        raise BadInput(f"{path} exists; remove it, or choose another name with --out")
    nearest_parent = next(folder for folder in path.absolute().parents if folder.exists())
    if not (nearest_parent.is_dir() and os.access(nearest_parent, os.W_OK)):
        raise BadInput(f"--out {path}: {nearest_parent} is not a writable folder; choose another with --out")
    return path


def export_checkpoint(
    checkpoint: str, format_: str, precision: str, path: Path, pairs: bool, progress: Progress
) -> Exported:
    """Write `checkpoint` (a folder or hub id) as `format_` in `precision`, and its tokenizer.json beside it.

    File and checkpoint are compared on random token ids, because no dataset is known.

    Args:
        pairs: the model reads pairs of texts; the file gets the input token_type_ids if the model has token types.

    Raises:
        BadInput: the checkpoint is not a fine-tuned classifier of a known architecture, or another model's tokenizer
            lies beside `path`.
        ExportFailed: the file's logits differ, or it could not be written or opened; names the first layer that fails.
    """
    from pocketbert.compress.models.pretrained import open_pretrained, read_config
    from pocketbert.compress.pipeline.shipping.artifact import Export
    from pocketbert.compress.pipeline.shipping.verify import verify
    from pocketbert.compress.runtimes.torch import TorchSession
    from pocketbert.compress.tasks.inputs import predict
    from pocketbert.compress.tasks.tokenizer import read_tokenizer_file

    config = read_config(checkpoint, checkpoint)
    _check(config, checkpoint)
    model, tokenizer = open_pretrained(checkpoint, checkpoint, None, is_token_level(config))
    beside, content = path.with_name("tokenizer.json"), tokenizer.backend_tokenizer.to_str(pretty=True)
    own = Path(checkpoint, beside.name)
    foreign = beside.exists() and not (own.exists() and own.samefile(beside))
    if foreign and read_tokenizer_file(beside).to_str(pretty=True) != content:  # an older library has another layout
        example = f"--out exports/{path.name}"
        raise BadInput(f"{beside} exists and belongs to another model; export into an empty folder: {example}")
    inputs = (*INPUTS, "token_type_ids") if pairs and config.type_vocab_size > 1 else INPUTS
    export = Export(format_, precision, inputs)
    rows = _random_rows(config, _FEW_ROWS if export.runtime in EMULATED else _ROWS, "token_type_ids" in inputs)
    allowed = export.tolerance
    if precision == "int8":  # other labels on random ids say nothing about real rows
        allowed = allowed._replace(labels=0.0)
    with atomic_write(path) as temporary:
        progress.say(f"exporting {path.name}")
        source = predict(TorchSession(model).logits, rows)
        made = verify(model, export, temporary, source, rows, progress, allowed)
        if made.failed or made.parity is None:
            raise ExportFailed(f"{path}: {made.failed}{'' if made.logits is None else '; it was not kept'}")
    if not beside.exists():
        with atomic_write(beside) as temporary:
            temporary.write_text(content, encoding="utf-8")
    size = sum(file.stat().st_size for _, file in files_of(path))
    said = f"{len(rows)} rows of random token ids, 2 to {max(map(len, rows.sequences))} of them, padded"
    return Exported(path, size, inputs, made.parity, said, [made.note] if made.note else [], config.num_labels)


def _check(config: "PretrainedConfig", checkpoint: str) -> None:
    """Check that the checkpoint can be exported, before its weights are read."""
    kind = str(config.model_type).removeprefix("uneven_")
    if kind not in _ARCHITECTURES:
        raise BadInput(f"{checkpoint}: a {kind} model cannot be exported; allowed: {', '.join(_ARCHITECTURES)}")
    named = (config.architectures or ["model without a head"])[0]
    if not named.endswith(_HEADS):
        raise BadInput(f"{checkpoint} is a {named}; expected: a sequence or token classifier")


def _random_rows(config: "PretrainedConfig", count: int, types: bool) -> "Inputs":
    """Draw rows of random ids, from 2 tokens to the model's longest; pairs are split at a random place."""
    from pocketbert.compress.tasks.inputs import Inputs

    draw = np.random.default_rng(0)
    lengths = np.linspace(2, min(_LONGEST, positions(config)), count).astype(int).tolist()
    # RoBERTa derives positions from the padding ids, so none may be inside a text.
    ids = np.setdiff1d(np.arange(config.vocab_size), [config.pad_token_id or 0])
    return Inputs(
        sequences=[draw.choice(ids, length).tolist() for length in lengths],
        padding=int(config.pad_token_id or 0),
        types=[np.sort(draw.integers(0, 2, length)).tolist() for length in lengths] if types else None,
        scored=[list(range(length)) for length in lengths] if is_token_level(config) else None,
    )
