"""Vocabulary pruning: removes tokens from the tokenizer, and their rows from the embedding matrix."""

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pocketbert.compress.base.errors import BadInput, percent
from pocketbert.compress.base.paths import DOCUMENT, check_file
from pocketbert.compress.stages import StageParameters
from pocketbert.compress.training.context import Context

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel

_SPECIAL_IDS = ("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id")
_NAMED = ("tokenizer_class", "do_lower_case", "strip_accents", "tokenize_chinese_chars")
"""Keys of tokenizer_config.json by which other libraries tokenize."""


class Parameters(StageParameters):
    """Parameters of vocabulary pruning. The special tokens always stay."""

    kind: Literal["prune-vocab"] = "prune-vocab"
    """Selects this stage."""
    tokens: tuple[str, ...] | None = None
    """The tokens to keep. By default the tokens of the training texts and the common characters (GB 2312 level 1)."""
    keep: tuple[str, ...] = ()
    """Further characters that the users of the app write: ``gb2312-2`` (3,008 rarer simplified characters), ``big5``
    (13,053 traditional ones), and the path of one UTF-8 text file, whose lines are then tokenized as before."""

    def check_tokenizer(self, given: "Tokenizer", teacher: "Tokenizer", token_level: bool) -> None:
        self.check_tokens_exist(given)
        self.lines_to_keep()

    def external_source(self) -> str | None:
        files = self._files()
        return files[0] if files else None

    def characters_to_keep(self) -> frozenset[str]:
        """Return the characters of the sets that `keep` names."""
        from pocketbert.compress.pruning.vocabulary import CHARACTER_SETS, characters_of

        return frozenset().union(*(characters_of(name) for name in self.keep if name in CHARACTER_SETS))

    def lines_to_keep(self) -> list[str]:
        """Return the lines of the file that `keep` names, if it names one.

        Raises:
            BadInput: there is no such file, or it is no regular file, too large or not UTF-8.
        """
        from pocketbert.compress.data.reading.encodings import opened
        from pocketbert.compress.pruning.vocabulary import CHARACTER_SETS

        if not (files := self._files()):
            return []
        file, sets = Path(files[0]), ", ".join(CHARACTER_SETS)
        if len(files) > 1:
            raise BadInput(f"prune-vocab: keep: names the files {' and '.join(files)}; expected: {sets}, and one file")
        check_file(file, DOCUMENT)
        if not file.is_file():
            raise BadInput(f"prune-vocab: keep: {files[0]!r} is neither a set of characters ({sets}) nor a text file")
        with opened(file, f"prune-vocab: keep: {files[0]}", newline="\n") as text:
            return [line for line in map(str.strip, text) if line]

    def _files(self) -> list[str]:
        from pocketbert.compress.pruning.vocabulary import CHARACTER_SETS

        return [name for name in self.keep if name not in CHARACTER_SETS]

    def check_tokens_exist(self, tokenizer: "Tokenizer") -> None:
        """Raise `BadInput` if the vocabulary lacks one of the `tokens`, or its pieces depend on one another."""
        from pocketbert.compress.pruning.vocabulary import pieces_of

        pieces = pieces_of(tokenizer)
        if unknown := [token for token in self.tokens or () if token not in pieces]:
            raise BadInput(f"prune-vocab: tokens: the vocabulary has no token {unknown[0]!r}")


def run(model: "PreTrainedModel", context: Context, parameters: Parameters) -> "PreTrainedModel":
    """Return `model` with fewer token embeddings; the tokenizer is written to ``context.new_tokenizer``.

    Raises:
        BadInput: the vocabulary lacks one of the `tokens`, or its pieces depend on one another.
    """
    from pocketbert.compress.pruning.vocabulary import shrink
    from pocketbert.compress.tasks.tokenizer import load_tokenizer

    whole = load_tokenizer(context.tokenizer / "tokenizer.json")
    parameters.check_tokens_exist(whole)  # an earlier stage may have removed some
    kept = _kept(whole, model, context, parameters)
    small, back = shrink(whole, kept)
    context.remarks.append(_remark(whole, small, back, context))
    _save(small, context)
    return _with_rows(model, back)


def _save(small: "Tokenizer", context: Context) -> None:
    """Write the tokenizer, under the class name of the one before it if that class reads the file unchanged: libraries
    on phones choose an algorithm by that name.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    from pocketbert.compress.tasks.tokenizer import same_tokens

    before = AutoTokenizer.from_pretrained(context.tokenizer, local_files_only=True, trust_remote_code=False)
    longest, special = before.model_max_length, before.special_tokens_map
    PreTrainedTokenizerFast(tokenizer_object=small, model_max_length=longest, **special).save_pretrained(
        context.new_tokenizer
    )
    file = context.new_tokenizer / "tokenizer_config.json"
    general = file.read_text(encoding="utf-8")
    named = json.loads((context.tokenizer / file.name).read_text(encoding="utf-8"))
    kept = {key: named[key] for key in _NAMED if key in named}
    file.write_text(json.dumps(json.loads(general) | kept, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    try:
        after = AutoTokenizer.from_pretrained(context.new_tokenizer, local_files_only=True, trust_remote_code=False)
        unchanged = same_tokens(after.backend_tokenizer, small) and _same_blanks(after.backend_tokenizer, small)
    except Exception:  # a class that cannot read these files may raise anything
        unchanged = False
    if not unchanged:
        file.write_text(general, encoding="utf-8")


def _same_blanks(a: "Tokenizer", b: "Tokenizer") -> bool:
    """Return whether both put a blank before a text, or neither: `same_tokens` does not compare that."""
    first, second = (json.loads(each.to_str())["pre_tokenizer"] for each in (a, b))
    return bool(first == second)


def _kept(whole: "Tokenizer", model: "PreTrainedModel", context: Context, parameters: Parameters) -> set[int]:
    from pocketbert.compress.pruning.vocabulary import (
        character_ids,
        common_characters,
        needed_ids,
        pieces_of,
        special_ids,
    )

    pieces, kept = pieces_of(whole), special_ids(whole)
    if str(model.config.model_type).endswith("roberta"):  # counts positions from the padding token's id: it must stay
        kept |= set(range(model.config.pad_token_id))
    kept |= character_ids(pieces, parameters.characters_to_keep())
    texts = parameters.lines_to_keep()
    if context.task.token_level:  # words are tokenized one at a time
        texts = sorted({word for line in texts for word in (*line.split(), *line)})
    if parameters.tokens is not None:
        kept |= {pieces[token] for token in parameters.tokens}
    else:
        kept |= character_ids(pieces, common_characters())
        texts += context.task.texts(context.train.columns)
    return needed_ids(whole, texts, kept) if texts else kept


def _remark(whole: "Tokenizer", small: "Tokenizer", back: Sequence[int], context: Context) -> str:
    """State the new size, how many training texts are tokenized differently, and the shares of unknown tokens."""
    from pocketbert.compress.pruning.vocabulary import changed_texts
    from pocketbert.compress.tasks.tokenizer import unknown_share

    texts = context.task.texts(context.train.columns)
    changed = len(changed_texts(texts, whole, small, back))
    proof = "all are tokenized as before" if not changed else f"{changed:,} are tokenized differently"
    kind = "words of the training texts" if context.task.token_level else "training texts"
    beyond = slice(len(context.labelled.gold), None)
    asked = {
        "the validation texts (not used for choosing)": context.validation.columns,
        "the unlabelled texts": {name: values[beyond] for name, values in context.train.columns.items()},
    }
    unknown = [
        f"{percent(unknown_share(small, found), 3)}, before {percent(unknown_share(whole, found), 3)}, in {where}"
        for where, columns in asked.items()
        if (found := context.task.texts(columns))
    ]
    return (
        f"vocabulary {whole.get_vocab_size():,} to {small.get_vocab_size():,}; of {len(texts):,} {kind} "
        f"{proof}; unknown tokens: {'; '.join(unknown)}"
    )


def _with_rows(model: "PreTrainedModel", back: Sequence[int]) -> "PreTrainedModel":
    """Return a copy of `model` whose token embeddings are the rows `back`, in that order.

    A token without a row gets that of the first token: BertTokenizer adds a ``[MASK]`` that vocabulary and model may
    lack, and that no text can have.
    """
    name = f"{model.base_model_prefix}.embeddings.word_embeddings.weight"
    weights = dict(model.state_dict())
    rows = len(weights[name])
    weights[name] = weights[name][[number if number < rows else 0 for number in back]]
    config = copy.deepcopy(model.config)
    config.vocab_size = len(back)
    for key in _SPECIAL_IDS:
        if (old := getattr(config, key, None)) in back:
            setattr(config, key, back.index(old))
    small: PreTrainedModel = type(model)(config)
    small.load_state_dict(weights)
    return small.eval()
