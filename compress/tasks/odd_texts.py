"""Counts texts that a tokenizer reads in a way nobody would expect."""

from collections.abc import Iterator, Mapping, Sequence

from tokenizers import Tokenizer

from pocketbert.compress.tasks import Task
from pocketbert.compress.tasks.inputs import Columns
from pocketbert.compress.tasks.tokenizer import token_ids, unknown_id

_FIRST = 1000
"""Characters of a text that nearly always hold a token, if there is one."""


def odd_texts(task: Task, tokenizer: Tokenizer, splits: Mapping[str, Columns]) -> Iterator[str]:
    """Describe texts that spell special tokens and texts without any token, one sentence per split and kind.

    Args:
        tokenizer: opened by `load_tokenizer`, so that special tokens in texts are ordinary text.
        splits: name of a split -> its columns.
    """
    special = _special(tokenizer)
    what = "words" if task.token_level else "texts"
    for split, columns in splits.items():
        texts = task.texts(columns)
        if found := [token for text in texts if (token := next((each for each in special if each in text), None))]:
            spelt = f"{len(found):,} of {len(texts):,} {split} {what} spell a special token, such as {found[0]}"
            if special[found[0]]:
                yield f"{spelt}; this tokenizer has it among its pieces, so it is read as the special token"
            else:
                yield f"{spelt}; it is read as ordinary text, and an app has to do the same (docs/mobile.md)"
        if not task.token_level and (count := _empty(tokenizer, texts)):
            yield f"{count:,} of {len(texts):,} {split} texts have no token: the model reads them as empty"


def _special(tokenizer: Tokenizer) -> dict[str, bool]:
    """Return the special tokens, and whether each is read as itself although it is spelt in a text."""
    unknown = unknown_id(tokenizer)
    return {
        token.content: number != unknown and number in tokenizer.encode(token.content, add_special_tokens=False).ids
        for number, token in tokenizer.get_added_tokens_decoder().items()
        if token.special
    }


def _empty(tokenizer: Tokenizer, texts: Sequence[str]) -> int:
    """Count the texts without a token; only those without a letter or digit can be."""
    candidates = [text for text in texts if not any(map(str.isalnum, text))]
    beginnings = token_ids(tokenizer, [text[:_FIRST] for text in candidates], special=False)
    left = [text for text, ids in zip(candidates, beginnings, strict=True) if not ids]
    return sum(not ids for ids in token_ids(tokenizer, left, special=False))
