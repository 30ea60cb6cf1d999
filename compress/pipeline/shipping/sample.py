"""The rows on which an exported checkpoint is compared with its source: the user's texts, or random token ids."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.paths import DOCUMENT, check_file
from pocketbert.compress.data.reading.encodings import opened
from pocketbert.compress.models.families import is_token_level
from pocketbert.compress.tasks.inputs import Inputs
from pocketbert.compress.tasks.tokenizer import encode_texts, plain

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PretrainedConfig

_LONGEST = 128
"""Tokens of the longest random row."""
_CONTINUES = "##"
"""WordPiece's mark of a piece inside a word: a tagger labels the first piece of a word."""


def random_rows(config: "PretrainedConfig", count: int, types: bool, longest: int) -> Inputs:
    """Draw rows of random ids, from 2 tokens to the `longest`, but at most 128; pairs are split at a random place."""
    draw = np.random.default_rng(0)
    lengths = np.linspace(2, min(_LONGEST, longest), count).astype(int).tolist()
    # RoBERTa derives positions from the padding ids, so none may be inside a text.
    ids = np.setdiff1d(np.arange(config.vocab_size), [config.pad_token_id or 0])
    return Inputs(
        sequences=[draw.choice(ids, length).tolist() for length in lengths],
        padding=int(config.pad_token_id or 0),
        types=[np.sort(draw.integers(0, 2, length)).tolist() for length in lengths] if types else None,
        scored=[list(range(length)) for length in lengths] if is_token_level(config) else None,
    )


def read_texts(path: Path, pairs: bool) -> list[str] | list[tuple[str, str]]:
    """Read a UTF-8 file of one text, or one pair parted by a tab, per line; blank lines are skipped.

    Raises:
        BadInput: not a readable UTF-8 file, without a text, or a line with too few or too many tabs.
    """
    where = f"--texts {path}"
    check_file(path, DOCUMENT)
    if not path.is_file():
        raise BadInput(f"{where}: there is no such file; name a file with one text per line")
    with opened(path, where, newline="\n") as file:
        lines = file.readlines()
    numbered = [(n, line.rstrip("\r\n")) for n, line in enumerate(lines, 1) if line.strip()]
    if not numbered:
        raise BadInput(f"{where}: the file has no text; write one text per line")
    if wrong := [n for n, line in numbered if line.count("\t") != pairs]:
        expected = "expected with --pairs: two texts parted by one tab" if pairs else "remove it, or add --pairs"
        raise BadInput(f"{where}, line {wrong[0]}: {'' if pairs else 'the text has a tab; '}{expected}")
    texts = [line for _, line in numbered]
    return [(first, second) for first, _, second in (line.partition("\t") for line in texts)] if pairs else texts


def tokenize(
    texts: list[str] | list[tuple[str, str]],
    tokenizer: "Tokenizer",
    config: "PretrainedConfig",
    types: bool,
    longest: int,
) -> Inputs:
    """Tokenize texts or pairs, truncated to the `longest` text; a tagger is scored at the start of each word.

    Raises:
        BadInput: for a tagger, no text has a word.
    """
    ids, kinds, truncated = encode_texts(plain(tokenizer), texts, longest)
    scored = _word_starts(tokenizer, ids) if is_token_level(config) else None
    if scored is not None and not any(scored):
        raise BadInput("--texts: the tokenizer finds no word in these texts; name texts that the model is used on")
    return Inputs(ids, int(config.pad_token_id or 0), kinds if types else None, scored, truncated=truncated)


def _word_starts(tokenizer: "Tokenizer", rows: list[list[int]]) -> list[list[int]]:
    """Return the positions in each row of token ids at which a word begins."""
    around = set(tokenizer.encode("").ids)
    begins = {
        number: number not in around and not str(tokenizer.id_to_token(number)).startswith(_CONTINUES)
        for number in set().union(*rows)
    }
    return [[at for at, number in enumerate(row) if begins[number]] for row in rows]
