"""Vocabulary pruning: removes tokens from the tokenizer, and their rows from the embedding matrix."""

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.stages import StageParameters
from pocketbert.compress.training.context import Context

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel

_SPECIAL_IDS = ("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id")


class Parameters(StageParameters):
    """The special tokens and `tokens` stay; without `tokens`, the special tokens, the tokens of the training texts and
    the common characters (GB 2312 level 1).
    """

    kind: Literal["prune-vocab"] = "prune-vocab"
    tokens: tuple[str, ...] | None = None

    def check_tokenizer(self, given: "Tokenizer", teacher: "Tokenizer", token_level: bool) -> None:
        self.check_tokens_exist(given)

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
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    from pocketbert.compress.pruning.vocabulary import shrink

    whole = Tokenizer.from_file(str(context.tokenizer / "tokenizer.json"))
    parameters.check_tokens_exist(whole)  # an earlier stage may have removed some
    whole.no_truncation()
    whole.no_padding()
    kept = _kept(whole, model, context, parameters)
    small, back = shrink(whole, kept)
    context.remarks.append(_remark(whole, small, back, context))
    loaded = AutoTokenizer.from_pretrained(context.tokenizer, local_files_only=True, trust_remote_code=False)
    longest, special = loaded.model_max_length, loaded.special_tokens_map
    saved = PreTrainedTokenizerFast(tokenizer_object=small, model_max_length=longest, **special)
    saved.save_pretrained(context.new_tokenizer)
    return _with_rows(model, back)


def _kept(whole: "Tokenizer", model: "PreTrainedModel", context: Context, parameters: Parameters) -> set[int]:
    from pocketbert.compress.pruning.vocabulary import common_ids, needed_ids, pieces_of, special_ids

    pieces, special = pieces_of(whole), special_ids(whole)
    if str(model.config.model_type).endswith("roberta"):  # counts positions from the padding token's id: it must stay
        special |= set(range(model.config.pad_token_id))
    if parameters.tokens is None:
        texts = context.task.texts(context.train.columns)
        return needed_ids(whole, texts, special | common_ids(pieces))
    return special | {pieces[token] for token in parameters.tokens}


def _remark(whole: "Tokenizer", small: "Tokenizer", back: Sequence[int], context: Context) -> str:
    """State the new size, how many training texts are tokenized differently, and the share of unknown tokens."""
    from pocketbert.compress.pruning.vocabulary import changed_texts
    from pocketbert.compress.tasks.tokenizer import unknown_share

    texts, unseen = (context.task.texts(rows.columns) for rows in (context.train, context.validation))
    before = [encoding.ids for encoding in whole.encode_batch(texts)]
    changed = len(changed_texts(texts, before, small, back))
    proof = "all are cut as before" if not changed else f"{changed:,} are cut otherwise"
    unknown = [unknown_share(tokenizer, unseen) for tokenizer in (whole, small)]
    kind = "words of the training texts" if context.task.token_level else "training texts"
    return (
        f"vocabulary {whole.get_vocab_size():,} to {small.get_vocab_size():,}; of {len(before):,} {kind} "
        f"{proof}; unknown tokens in the validation texts, which were not looked at: {unknown[1]:.3%}, "
        f"before {unknown[0]:.3%}"
    )


def _with_rows(model: "PreTrainedModel", back: Sequence[int]) -> "PreTrainedModel":
    """Return a copy of `model` whose token embeddings are the rows `back`, in that order."""
    name = f"{model.base_model_prefix}.embeddings.word_embeddings.weight"
    weights = dict(model.state_dict())
    weights[name] = weights[name][list(back)]
    config = copy.deepcopy(model.config)
    config.vocab_size = len(back)
    for key in _SPECIAL_IDS:
        if (old := getattr(config, key, None)) in back:
            setattr(config, key, back.index(old))
    small: PreTrainedModel = type(model)(config)
    small.load_state_dict(weights)
    return small.eval()
