"""Leave out the tokens that the task does not need: rows of the embedding table, and the tokenizer's pieces."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.stages import StageParameters
from pocketbert.compress.training.context import Context

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel

_SPECIAL_IDS = ("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id")


class Parameters(StageParameters):
    """What stays: special tokens, what the training texts use, and common characters (GB 2312 level 1); or, beside the
    special ones, exactly `tokens`.
    """

    kind: Literal["prune-vocab"] = "prune-vocab"
    tokens: tuple[str, ...] | None = None

    def check_tokenizer(self, given: "Tokenizer", teacher: "Tokenizer", token_level: bool) -> None:
        self.check_tokens_exist(given)

    def check_tokens_exist(self, tokenizer: "Tokenizer") -> None:
        """Raise `BadInput` where it has not got the `tokens`, or its pieces depend on one another."""
        from pocketbert.compress.pruning.vocabulary import pieces_of

        pieces = pieces_of(tokenizer)
        if unknown := [token for token in self.tokens or () if token not in pieces]:
            raise BadInput(f"prune-vocab: the vocabulary has no token {unknown[0]!r}")


def run(model: "PreTrainedModel", context: Context, parameters: Parameters) -> "PreTrainedModel":
    """`model` with fewer embedding rows; its tokenizer goes to ``context.new_tokenizer``.

    Raises:
        BadInput: a token that the vocabulary does not have, or a tokenizer whose pieces depend on one another.
    """
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer

    from pocketbert.compress.pruning.vocabulary import shrink

    whole = Tokenizer.from_file(str(context.tokenizer / "tokenizer.json"))
    parameters.check_tokens_exist(whole)  # an earlier stage may have taken tokens away
    whole.no_truncation()
    whole.no_padding()
    kept = _kept(whole, model, context, parameters)
    small, back = shrink(whole, kept)
    context.remarks.append(_remark(whole, small, back, context))
    loaded = AutoTokenizer.from_pretrained(context.tokenizer, local_files_only=True, trust_remote_code=False)
    _save(small, loaded.special_tokens_map, loaded.model_max_length, context.new_tokenizer)
    return _with_rows(model, back)


def _kept(whole: "Tokenizer", model: "PreTrainedModel", context: Context, parameters: Parameters) -> set[int]:
    from pocketbert.compress.pruning.vocabulary import common_ids, needed_ids, pieces_of, special_ids

    pieces, special = pieces_of(whole), special_ids(whole)
    if str(model.config.model_type).endswith(
        "roberta"
    ):  # positions are counted from the padding token's id, which has to stay
        special |= set(range(model.config.pad_token_id))
    if parameters.tokens is None:
        texts = context.task.texts(context.train.columns)
        return needed_ids(whole, texts, special | common_ids(pieces))
    return special | {pieces[token] for token in parameters.tokens}


def _remark(whole: "Tokenizer", small: "Tokenizer", back: Sequence[int], context: Context) -> str:
    """How much smaller, whether the training texts are cut as before, and what is unknown in unseen text."""
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


def _save(tokenizer: "Tokenizer", special: dict[str, str], longest: int, folder: Path) -> None:
    from transformers import PreTrainedTokenizerFast

    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=longest, **special).save_pretrained(folder)


def _with_rows(model: "PreTrainedModel", back: Sequence[int]) -> "PreTrainedModel":
    """A copy of `model` whose embedding table has the rows `back`, in that order."""
    name = f"{model.base_model_prefix}.embeddings.word_embeddings.weight"
    weights = {key: value.clone() for key, value in model.state_dict().items()}
    weights[name] = weights[name][list(back)].clone()
    config = copy.deepcopy(model.config)
    config.vocab_size = len(back)
    for key in _SPECIAL_IDS:
        if (old := getattr(config, key, None)) in back:
            setattr(config, key, back.index(old))
    small: PreTrainedModel = type(model)(config)
    small.load_state_dict(weights)
    return small.eval()
