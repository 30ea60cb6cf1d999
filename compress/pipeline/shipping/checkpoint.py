"""Exports a Hugging Face checkpoint as one file and compares it with the checkpoint (``pocketbert export``)."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pocketbert.compress.base.errors import BadInput, CheckFailed, nearest
from pocketbert.compress.base.files import atomic_write, files_of
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.exports import FORMATS, INPUTS, Tolerance, wrong_lengths, wrong_precision
from pocketbert.compress.manifest import Parity
from pocketbert.compress.models.checks import check_lengths, check_problem
from pocketbert.compress.models.families import FAMILIES, is_token_level, positions
from pocketbert.compress.pipeline.shipping.artifact import Export, require_exporter
from pocketbert.compress.pipeline.shipping.calibration import ROWS as CALIBRATION_ROWS
from pocketbert.compress.runtimes import EMULATED

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from pocketbert.compress.tasks.inputs import Inputs

_ARCHITECTURES = (*FAMILIES, "mobilebert", "static")
_HEADS = ("ForSequenceClassification", "ForTokenClassification")
_ROWS, _FEW_ROWS = 40, 20
_RANDOM = "random token ids are no texts: measure the agreement on your own with --texts FILE, one text per line"
_IN_A_RECIPE = ' (a recipe with guard.on_fail = "weaken" keeps the layers that lose most in a higher precision)'


class ExportFailed(CheckFailed):
    """The export failed, or the file's answers differ from the checkpoint's; nothing was kept.

    `compared` says how far the answers are apart, one line each.
    """

    def __init__(self, message: str, compared: Sequence[str]) -> None:
        super().__init__(message)
        self.compared = compared


class Exported(NamedTuple):
    """A written file; `compared` says how far its answers are from the checkpoint's, one line each."""

    path: Path
    bytes: int
    inputs: Sequence[str]
    parity: Parity
    notes: list[str]
    compared: Sequence[str]


class Asked(NamedTuple):
    """What the user says about the comparison.

    Attributes:
        pairs: the model reads pairs of texts; the file gets the input token_type_ids if the model has token types.
        texts: a file with one text, or pair, per line; None: random token ids.
        min_agreement: smallest agreement of the answers, a fraction; None: the format's own.
        lengths: lengths of texts that the file takes, of a format that needs them fixed; longer texts are truncated.
    """

    pairs: bool = False
    texts: Path | None = None
    min_agreement: float | None = None
    lengths: tuple[int, ...] = ()


def target(checkpoint: str, format_: str, precision: str, out: Path | None, lengths: Sequence[int] = ()) -> Path:
    """Return the file or folder to write: `out`, or one in the current folder that is named after the checkpoint.

    Raises:
        BadInput: an unknown format or precision, lengths that do not fit the format, a package that is not installed,
            or a path that exists already.
    """
    if format_ not in FORMATS:
        raise BadInput(f"--format: unknown {format_!r}{nearest(format_, FORMATS)}")
    known = FORMATS[format_]
    if wrong := wrong_precision(format_, precision):
        raise BadInput(f"--precision {precision}: {wrong}")
    if wrong := wrong_lengths(format_, lengths):
        raise BadInput(f"--length{' --length'.join(f' {length}' for length in lengths)}: {wrong}")
    if known.calibrated and len(lengths) > 1:
        raise BadInput(f"--length {lengths[1]}: a file of {format_} takes texts of one length; export it once for each")
    require_exporter(format_, precision)
    path = out or Path(f"{Path(checkpoint).resolve().name}-{precision}.{known.suffix}")
    if not path.name.endswith(f".{known.suffix}"):
        raise BadInput(f"--output {path}: expected for {format_}: a name ending in .{known.suffix}")
    if path.exists():
        raise BadInput(f"{path} exists; remove it, or choose another name with --output")
    nearest_parent = next(folder for folder in path.absolute().parents if folder.exists())
    if not (nearest_parent.is_dir() and os.access(nearest_parent, os.W_OK)):
        raise BadInput(f"--output {path}: {nearest_parent} is not a writable folder; choose another with --output")
    return path


def export_checkpoint(
    checkpoint: str, format_: str, precision: str, path: Path, asked: Asked, progress: Progress
) -> Exported:
    """Write `checkpoint` (a folder or hub id) as `format_` in `precision`, and its tokenizer.json beside it.

    File and checkpoint are compared on the user's texts, or on random token ids.

    Raises:
        BadInput: the checkpoint is not a fine-tuned classifier of a known architecture, another model's tokenizer
            lies beside `path`, or the texts cannot be used.
        ExportFailed: the file's answers differ, or it could not be written or opened.
    """
    from pocketbert.compress.models.pretrained import open_pretrained, read_config
    from pocketbert.compress.pipeline.shipping.agreement import describe, labels_of
    from pocketbert.compress.pipeline.shipping.sample import random_rows, read_texts, tokenize
    from pocketbert.compress.pipeline.shipping.verify import verify
    from pocketbert.compress.runtimes.torch import TorchSession
    from pocketbert.compress.tasks.inputs import predict

    allowed = _allowed(FORMATS[format_].precisions[precision], asked.min_agreement)
    if FORMATS[format_].calibrated and not asked.texts:
        raise BadInput(
            f"--format {format_}: its activations are calibrated on texts like those of the app: name a file of them "
            "with --texts FILE, one text per line"
        )
    texts = read_texts(asked.texts, asked.pairs) if asked.texts else []
    config = read_config(checkpoint, checkpoint)
    _check(config, checkpoint)
    check_lengths(config, asked.lengths, checkpoint)
    model, tokenizer = open_pretrained(checkpoint, checkpoint, None, is_token_level(config))
    beside, content = path.with_name("tokenizer.json"), tokenizer.backend_tokenizer.to_str(pretty=True)
    _check_beside(beside, content, Path(checkpoint, beside.name), path)
    types = asked.pairs and config.type_vocab_size > 1
    export = Export(format_, precision, (*INPUTS, "token_type_ids") if types else INPUTS, lengths=asked.lengths)
    count = _FEW_ROWS if export.runtime in EMULATED else _ROWS
    longest = max(asked.lengths) if asked.lengths else positions(config)
    if texts:
        texts = texts[:count] if export.runtime in EMULATED else texts
        rows = tokenize(texts, tokenizer.backend_tokenizer, config, types, longest)
    else:
        rows = random_rows(config, count, types, longest)
    if FORMATS[format_].calibrated:
        export = replace(export, rows=rows.chosen(range(len(rows))[:CALIBRATION_ROWS]))
    with atomic_write(path) as temporary:
        progress.say(f"exporting {path.name}")
        try:
            source = predict(TorchSession(model).logits, rows)
        except BadInput as error:
            raise BadInput(f"{checkpoint}: {error}") from error
        made = verify(model, export, temporary, source, rows, progress, allowed)
        compared: list[str] = []
        if made.logits is not None and made.parity is not None:
            compared = [
                _distance(made.parity, rows, asked.texts),
                *describe(labels_of(config), made.logits, source, rows, allowed),
                *([] if texts else [_RANDOM]),
            ]
        if made.failed or made.parity is None:
            in_a_recipe = _IN_A_RECIPE if precision in ("int8", "int4") and config.num_labels > 1 else ""
            kept = "" if made.logits is None else f"; it was not kept{in_a_recipe}"
            raise ExportFailed(f"{path}: {made.failed}{kept}", compared)
        if not beside.exists():  # before the model's file appears, which would stop a second try
            with atomic_write(beside) as tokenizer_file:
                tokenizer_file.write_text(content, encoding="utf-8")
    size = sum(file.stat().st_size for _, file in files_of(path))
    return Exported(path, size, export.inputs, made.parity, [made.note] if made.note else [], compared)


def _allowed(usual: Tolerance, agreement: float | None) -> Tolerance:
    """Return the tolerance of a format with the user's smallest agreement; None keeps the format's own."""
    if agreement is None:
        return usual
    if not 0 <= agreement <= 1:
        meant = f"; did you mean {agreement / 100:g}?" if 1 < agreement <= 100 else ""
        raise BadInput(f"--min-agreement {agreement:g}: expected a fraction from 0 to 1{meant}")
    return usual._replace(labels=agreement, entities=agreement)


def _check_beside(beside: Path, content: str, own: Path, path: Path) -> None:
    """Raise `BadInput` if the file `beside` has another `content` and is not the checkpoint's `own` tokenizer."""
    from pocketbert.compress.tasks.tokenizer import read_tokenizer_file

    foreign = beside.exists() and not (own.exists() and own.samefile(beside))
    if foreign and read_tokenizer_file(beside).to_str(pretty=True) != content:  # an older library has another layout
        example = f"--output exports/{path.name}"
        raise BadInput(f"{beside} exists and belongs to another model; export into an empty folder: {example}")


def _distance(parity: Parity, rows: "Inputs", texts: Path | None) -> str:
    """Describe the largest difference of a logit, and the rows."""
    lengths = [len(sequence) for sequence in rows.sequences]
    what = f"{len(rows)} texts of {texts}" if texts else f"{len(rows)} rows of random token ids"
    cut = f", {rows.truncated} of them truncated" if rows.truncated else ""
    logits = f"largest logit difference {parity.max_abs_logit:.2g}, of logits up to {parity.largest:.2g}"
    return f"{logits}, on {what}, {min(lengths)} to {max(lengths)} tokens{cut}, padded"


def _check(config: "PretrainedConfig", checkpoint: str) -> None:
    """Check that the checkpoint can be exported, before its weights are read."""
    kind = str(config.model_type).removeprefix("uneven_")
    if kind not in _ARCHITECTURES:
        raise BadInput(f"{checkpoint}: a {kind} model cannot be exported; allowed: {', '.join(_ARCHITECTURES)}")
    named = (config.architectures or ["model without a head"])[0]
    if not named.endswith(_HEADS):
        raise BadInput(f"{checkpoint} is a {named}; expected: a sequence or token classifier")
    if config.num_labels > 1:  # of a single number nothing is decided by the largest logit
        check_problem(config, checkpoint)
