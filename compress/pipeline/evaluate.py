"""``pocketbert evaluate``: one file or folder, scored on one split of a recipe's data."""

from pathlib import Path

from tokenizers import Tokenizer

from pocketbert.compress.base.errors import BadInput, first_line
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.data.texts import read_texts
from pocketbert.compress.exports import FORMATS
from pocketbert.compress.pipeline.recipe import Recipe
from pocketbert.compress.runtimes import EMULATED, open_session, usable_threads
from pocketbert.compress.tasks import Task
from pocketbert.compress.tasks.inputs import predict
from pocketbert.compress.tasks.tokenizer import load_tokenizer, plain

SPLITS = ("validation", "test")


def evaluate_file(path: Path, recipe: Recipe, split: str, progress: Progress) -> tuple[dict[str, float], int]:
    """Every metric of `recipe`'s task, as fractions, and the number of rows.

    The tokenizer is that of the folder, if it has one in any form, or `tokenizer.json` in the nearest folder above.

    Raises:
        BadInput: an unknown split, no such file, no tokenizer, or a file of no known format.
    """
    if split not in SPLITS:
        raise BadInput(f"--split {split}: legal: {', '.join(SPLITS)}")
    legal = "legal: a checkpoint folder, or a file ending in .onnx or .pte"
    if not path.exists():
        raise BadInput(f"{path}: no such model; {legal}")
    runtimes = {f".{known.suffix}": known.runtime for known in FORMATS.values()}
    if path.is_file() and path.suffix not in runtimes:
        raise BadInput(f"{path}: unknown format; {legal}")
    if (elsewhere := runtimes.get(path.suffix)) in EMULATED:
        raise BadInput(f"{path}: {elsewhere} does not run here; {legal}")
    runtime = "torch" if path.is_dir() else runtimes[path.suffix]
    texts = read_texts(recipe.task)
    tokenizer = _tokenizer_of(path)
    rows = texts.splits[split]
    inputs = texts.task.encode(tokenizer, rows)
    if path.is_dir():
        _check_folder(path, texts.task, tokenizer)
    try:
        session = open_session(runtime, path, usable_threads())
    except Exception as error:  # whatever a runtime raises of a file that it cannot open
        raise BadInput(f"{path}: cannot be opened ({first_line(error)})") from error
    try:
        with progress.work(f"evaluating {path.name}", len(inputs)) as work:
            logits = predict(session.logits, inputs, progress=work.advance)
    except BadInput:
        raise
    except Exception as error:  # as above: it was opened, but such rows are not what it takes
        raise BadInput(f"{path}: cannot answer the rows ({first_line(error)})") from error
    if logits.shape[1] != len(texts.task.labels):
        raise BadInput(f"{path}: predicts {logits.shape[1]} labels, the data has {', '.join(texts.task.labels)}")
    return texts.task.scores(logits, rows["label"]), len(rows["label"])


def _check_folder(path: Path, task: Task, tokenizer: Tokenizer) -> None:
    """The head must be of the task's kind with its labels in order, and the model must read such tokens and so many."""
    from pocketbert.compress.models.checks import check_head, check_positions, check_vocabulary_fits
    from pocketbert.compress.models.pretrained import read_config

    config = read_config(str(path), str(path))
    check_head(config, task.labels, task.token_level, str(path))
    check_vocabulary_fits(tokenizer, config, str(path))
    check_positions(config, task.max_length, str(path))


def _tokenizer_of(path: Path) -> Tokenizer:
    from pocketbert.compress.models.pretrained import has_tokenizer, read_tokenizer

    if path.is_dir() and has_tokenizer(path) and not (path / "tokenizer.json").is_file():
        return plain(read_tokenizer(str(path), str(path)).backend_tokenizer)
    resolved = path.resolve()
    for folder in [resolved, *resolved.parents][:4]:
        for candidate in (
            folder / "tokenizer.json",
            folder / "tokenizer/tokenizer.json",
            folder / "ship/tokenizer.json",
        ):
            if candidate.is_file():
                return load_tokenizer(candidate)
    raise BadInput(f"{path}: no tokenizer.json in its folder or above")
