"""``pocketbert export``: a Hugging Face checkpoint as one file that ships, held against the checkpoint itself."""

import os
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pocketbert.compress.base.errors import BadInput, first_line, nearest
from pocketbert.compress.base.files import atomic_write, files_of
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.exports import FORMATS, INPUTS
from pocketbert.compress.manifest import Parity
from pocketbert.compress.models.families import FAMILIES, is_token_level, positions
from pocketbert.compress.runtimes import EMULATED, require

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from transformers import PretrainedConfig, PreTrainedModel

    from pocketbert.compress.pipeline.shipping.artifact import Export
    from pocketbert.compress.tasks.inputs import Inputs

_ARCHITECTURES = (*FAMILIES, "mobilebert")
_HEADS = ("ForSequenceClassification", "ForTokenClassification")
_ROWS, _FEW_ROWS = 32, 6
_LONGEST = 128
"""Tokens of the longest random row."""


class ExportFailed(Exception):
    """There is no file, or none that answers as the checkpoint does; nothing was kept."""


class Exported(NamedTuple):
    """What was written. `rows` says of which rows `parity` is, `notes` what else there is to say; `labels` is how many
    logits an answer has.
    """

    path: Path
    bytes: int
    inputs: Sequence[str]
    parity: Parity
    rows: str
    notes: list[str]
    labels: int


def target(checkpoint: str, format_: str, precision: str, out: Path | None) -> Path:
    """The file or folder to write: `out`, or one here that is named after the checkpoint.

    Raises:
        BadInput: an unknown format or precision, a package that is not installed, or something stands there already.
    """
    if format_ not in FORMATS:
        raise BadInput(f"--format: unknown {format_!r}{nearest(format_, FORMATS)}")
    known = FORMATS[format_]
    if precision not in known.precisions:
        raise BadInput(f"--precision {precision}: legal for {format_}: {', '.join(known.precisions)}")
    require(known.runtime)
    path = out or Path(f"{Path(checkpoint).resolve().name}-{precision}.{known.suffix}")
    if path.suffix != f".{known.suffix}":
        raise BadInput(f"--out {path}: legal for {format_}: a name ending in .{known.suffix}")
    if path.exists():
        raise BadInput(f"{path}: exists already; take it away, or name another with --out")
    stands = next(folder for folder in path.absolute().parents if folder.exists())
    if not (stands.is_dir() and os.access(stands, os.W_OK)):
        raise BadInput(f"--out {path}: {stands} is no folder that can be written to")
    return path


def export_checkpoint(
    checkpoint: str, format_: str, precision: str, path: Path, pairs: bool, progress: Progress
) -> Exported:
    """Write `checkpoint` (a folder or hub id) as `format_` in `precision`, and its tokenizer.json beside it.

    Nobody's rows are at hand, so both are asked about random token ids.

    Args:
        pairs: it reads pairs of texts: the file declares token types, where the model tells texts apart by them.

    Raises:
        BadInput: the checkpoint is no fine-tuned classifier of a known architecture, or another tokenizer stands
            beside `path`.
        ExportFailed: the file answers otherwise than the checkpoint, or it could not be written or opened; the layer
            where that begins is named.
    """
    from pocketbert.compress.models.pretrained import open_pretrained, read_config
    from pocketbert.compress.pipeline.shipping.artifact import Export
    from pocketbert.compress.pipeline.shipping.verify import compare, first_wrong

    config = read_config(checkpoint, checkpoint)
    _check(config, checkpoint)
    model, tokenizer = open_pretrained(checkpoint, checkpoint, None, is_token_level(config))
    beside, content = path.with_name("tokenizer.json"), tokenizer.backend_tokenizer.to_str(pretty=True)
    own = Path(checkpoint, beside.name)
    if beside.exists() and not (own.exists() and own.samefile(beside)) and _content(beside) != content:
        raise BadInput(f"{beside}: another tokenizer stands there; name another folder with --out")
    inputs = (*INPUTS, "token_type_ids") if pairs and config.type_vocab_size > 1 else INPUTS
    export = Export(format_, precision, inputs)
    rows = _random_rows(config, _FEW_ROWS if export.runtime in EMULATED else _ROWS, "token_type_ids" in inputs)
    with atomic_write(path) as temporary:
        progress.say(f"exporting {path.name}")
        try:
            note = export.write(model, temporary)
            answers, source = _answers(model, export, temporary, rows, progress)
        except Exception as error:  # exporters and runtimes share no base class
            where = first_wrong(model, export, rows, progress)
            raise ExportFailed(f"{path}: {type(error).__name__}: {first_line(error)}{where}") from error
        parity = compare(answers, source)
        if reason := _complaint(parity, export):
            where = first_wrong(model, export, rows, progress, np.abs(answers - source).max(axis=1))
            raise ExportFailed(f"{path}: {reason}{where}; it was not kept")
    if not beside.exists():
        with atomic_write(beside) as temporary:
            temporary.write_text(content, encoding="utf-8")
    size = sum(file.stat().st_size for _, file in files_of(path))
    said = f"{len(rows)} rows of random token ids, 2 to {max(map(len, rows.sequences))} of them, padded"
    return Exported(path, size, inputs, parity, said, [note] if note else [], config.num_labels)


def _content(tokenizer: Path) -> str:
    """As it would be written today: an older library writes the same in other words."""
    from pocketbert.compress.tasks.tokenizer import read_tokenizer_file

    return read_tokenizer_file(tokenizer).to_str(pretty=True)


def _check(config: "PretrainedConfig", checkpoint: str) -> None:
    """Refuse what cannot be exported before its weights are read."""
    kind = str(config.model_type).removeprefix("uneven_")
    if kind not in _ARCHITECTURES:
        raise BadInput(f"{checkpoint}: a {kind} model cannot be exported; legal: {', '.join(_ARCHITECTURES)}")
    named = (config.architectures or ["model without a head"])[0]
    if not named.endswith(_HEADS):
        raise BadInput(f"{checkpoint} is a {named}; legal: a sequence or token classifier")


def _random_rows(config: "PretrainedConfig", count: int, types: bool) -> "Inputs":
    """Rows of random ids, from the shortest there is to as long as the model reads; of pairs, cut in two anywhere."""
    from pocketbert.compress.tasks.inputs import Inputs

    draw = np.random.default_rng(0)
    lengths = np.linspace(2, min(_LONGEST, positions(config)), count).astype(int).tolist()
    # RoBERTa's positions are told by which ids are padding, so that one must not stand inside a text.
    ids = np.setdiff1d(np.arange(config.vocab_size), [config.pad_token_id or 0])
    return Inputs(
        sequences=[draw.choice(ids, length).tolist() for length in lengths],
        padding=int(config.pad_token_id or 0),
        types=[np.sort(draw.integers(0, 2, length)).tolist() for length in lengths] if types else None,
        scored=[list(range(length)) for length in lengths] if is_token_level(config) else None,
    )


def _answers(
    model: "PreTrainedModel", export: "Export", path: Path, rows: "Inputs", progress: Progress
) -> "tuple[NDArray[np.float32], NDArray[np.float32]]":
    """The file's logits and its source's, (answers, labels) each."""
    from pocketbert.compress.runtimes.torch import TorchSession
    from pocketbert.compress.tasks.inputs import predict

    source = predict(TorchSession(model).logits, rows)
    with progress.work(f"verifying on {len(rows)} random rows", len(rows)) as bar:
        return export.answers(path, rows, bar.advance), source


def _complaint(parity: Parity, export: "Export") -> str | None:
    """As of a recipe's artifact; but that INT8 rounds random ids to other labels says nothing about real rows."""
    from pocketbert.compress.pipeline.shipping.verify import complaint

    return None if export.precision == "int8" and isfinite(parity.max_abs_logit) else complaint(parity, export)
