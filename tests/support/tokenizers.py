"""Tiny WordPiece and unigram tokenizers."""

from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

TEXTS = ["好书推荐", "服务 abc 差", "电脑屏幕坏"]


def wordpiece() -> Tokenizer:
    """As bert-base-chinese: characters, ``##`` characters, some English, special tokens in the middle."""
    characters = "好书推荐服务差电脑屏幕坏未见过"
    tokens = ["[PAD]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", *characters, "ab", "##x", "a", "##b", "##bd", "##c", "z"]
    tokenizer = Tokenizer(models.WordPiece({t: i for i, t in enumerate(tokens)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 4), ("[CLS]", 3))
    tokenizer.enable_padding(pad_id=0, pad_token="[PAD]")
    return tokenizer


def save_wordpiece(folder: Path) -> None:
    from transformers import PreTrainedTokenizerFast

    PreTrainedTokenizerFast(tokenizer_object=wordpiece(), pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)


def unigram() -> Tokenizer:
    """As XLM-R's: pieces of several characters beside single ones."""
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(c, -5.0) for c in "好书推荐服务差电脑屏幕坏未见过abcx"]
    pieces += [("服务", -4.0), ("电脑屏", -9.0), ("屏幕", -4.0), ("推荐", -3.0), ("▁好书", -3.0), ("未见", -2.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer
