"""Models of random weights in the shapes that the figures are about: their latency and size are the trained ones'."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def teacher() -> "PreTrainedModel":
    """``bert-base-chinese``: 12 layers, 768 hidden, 12 heads, 3,072 intermediate, 21,128 tokens."""
    return _bert(21_128, hidden=768, layers=12, intermediate=3072)


def student(spread: float = 0.02) -> "PreTrainedModel":
    """TinyBERT (Jiao et al. 2020): 4 layers, 312 hidden, 12 heads, 1,200 intermediate; 13,000 tokens.

    Args:
        spread: standard deviation of the weights; they have to lie apart where rounding them is to show.
    """
    return _bert(13_000, hidden=312, layers=4, intermediate=1200, spread=spread)


def _bert(vocabulary: int, hidden: int, layers: int, intermediate: int, spread: float = 0.02) -> "PreTrainedModel":
    from transformers import BertConfig, BertForSequenceClassification, set_seed

    set_seed(0)
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=12,
        intermediate_size=intermediate,
        initializer_range=spread,
    )
    model: PreTrainedModel = BertForSequenceClassification(config)
    return model.eval()
