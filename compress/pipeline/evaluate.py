"""Scores one model file or folder on a split of a recipe's data (``pocketbert evaluate``)."""

from pathlib import Path

from tokenizers import Tokenizer

from pocketbert.compress.base.errors import BadInput, first_line
from pocketbert.compress.base.paths import check_file
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.data.texts import read_texts
from pocketbert.compress.exports import FORMATS
from pocketbert.compress.pipeline.recipe import Recipe
from pocketbert.compress.runtimes import EMULATED, usable_threads
from pocketbert.compress.runtimes.scoring import open_scorer
from pocketbert.compress.tasks import Task
from pocketbert.compress.tasks.inputs import NotFinite
from pocketbert.compress.tasks.label_order import other_order
from pocketbert.compress.tasks.odd_texts import odd_texts
from pocketbert.compress.tasks.tokenizer import load_tokenizer, pad_id, plain

SPLITS = ("validation", "test")


def evaluate_file(path: Path, recipe: Recipe, split: str, progress: Progress) -> tuple[dict[str, float], int]:
    """Return every metric of `recipe`'s task, as fractions, and the number of rows.

    A folder's own tokenizer is used in whatever form; otherwise `tokenizer.json` in the nearest parent folder.

    Raises:
        BadInput: an unknown split, no such file or no regular one, no tokenizer, or a model that does not fit the task.
    """
    if split not in SPLITS:
        raise BadInput(f"--split {split}: unknown split; expected: {' or '.join(SPLITS)}")
    expected = "expected: a checkpoint folder, or a file ending in .onnx, .pte or .tflite"
    check_file(path)
    if not path.exists():
        raise BadInput(f"{path}: no such model; {expected}")
    runtimes = {f".{known.suffix}": known.runtime for known in FORMATS.values()}
    if path.is_file() and path.suffix not in runtimes:
        raise BadInput(f"{path}: unknown format; {expected}")
    if (emulated := runtimes.get(path.suffix)) in EMULATED:
        raise BadInput(f"{path}: {emulated} does not run here; {expected}")
    runtime = "torch" if path.is_dir() else runtimes[path.suffix]
    texts = read_texts(recipe.task)
    tokenizer = _tokenizer_of(path, progress)
    rows = texts.splits[split]
    inputs = texts.task.encode(tokenizer, rows)
    for remark in odd_texts(texts.task, tokenizer, {split: rows}):
        progress.say(remark)
    own = _check_folder(path, texts.task, tokenizer, progress) if path.is_dir() else []
    try:
        score = open_scorer(runtime, path, usable_threads())
        with progress.work(f"evaluating {path.name}", len(inputs)) as work:
            logits = score(inputs, work.advance)
    except NotFinite as error:
        raise BadInput(f"{path}: {error}") from error
    except BadInput:
        raise
    except Exception as error:  # runtimes share no base class
        raise BadInput(f"{path}: cannot be run on the {split} rows ({first_line(error)})") from error
    if logits.shape[1] != len(texts.task.labels):
        raise BadInput(f"{path}: predicts {logits.shape[1]} labels, the data has {', '.join(texts.task.labels)}")
    if order := other_order(texts.task, logits, rows["label"]):
        progress.say(f"{path}: {order.message(own)}")
    return texts.task.scores(logits, rows["label"]), len(rows["label"])


def _check_folder(path: Path, task: Task, tokenizer: Tokenizer, progress: Progress) -> list[str]:
    """Check the head's kind and labels, the tokenizer's ids and the positions; returns the model's own labels."""
    from pocketbert.compress.models.checks import by_number, check_head, check_positions, check_vocabulary_fits
    from pocketbert.compress.models.configuration import fit_padding
    from pocketbert.compress.models.pretrained import read_config

    config, where = read_config(str(path), str(path)), str(path)
    check_head(config, task.labels, task.token_level, where)
    check_vocabulary_fits(tokenizer, config, where)
    fit_padding(config, pad_id(tokenizer), where)
    check_positions(config, task.max_length, where)
    if remark := by_number(config, task.labels):
        progress.say(remark)
    return [str(label) for label in config.id2label.values()]


def _tokenizer_of(path: Path, progress: Progress) -> Tokenizer:
    """Open the tokenizer of a model, as a build would read it."""
    from pocketbert.compress.models.pretrained import has_tokenizer, other_normalizer, read_tokenizer

    in_parts = path.is_dir() and has_tokenizer(path) and not (path / "tokenizer.json").is_file()
    if in_parts or (path / "tokenizer_config.json").is_file():
        tokenizer = read_tokenizer(str(path), str(path))
        if remark := other_normalizer(str(path), tokenizer):
            progress.say(f"{path}: {remark}")
        if remark or in_parts:
            return plain(tokenizer.backend_tokenizer)
    resolved = path.resolve()
    for folder in [resolved, *resolved.parents][:4]:
        for name in ("tokenizer.json", "tokenizer/tokenizer.json", "ship/tokenizer.json"):
            if (file := folder / name).is_file():
                return load_tokenizer(file)
    raise BadInput(f"{path}: no tokenizer.json in its folder or above; copy the model's own there")
