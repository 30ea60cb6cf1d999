"""Models and inputs of the measured shapes. Weights and ids are random: neither affects latency or size.

Biases and normalisations are random as well. Converters would leave out what a new model has: additions of 0 and
multiplications by 1.
"""

from typing import TYPE_CHECKING

import numpy as np
import torch

from pocketbert.compress.tasks.inputs import Batch

if TYPE_CHECKING:
    from transformers import PreTrainedModel

TOKENS = 128
WORDS = 13_000
"""Tokens in the student's vocabulary."""


def teacher() -> "PreTrainedModel":
    """Make a ``bert-base-chinese``: 12 layers, 768 hidden, 12 heads, 3,072 intermediate, 21,128 tokens."""
    return _bert(21_128, hidden=768, layers=12, intermediate=3072)


def student(spread: float = 0.02) -> "PreTrainedModel":
    """Make a TinyBERT (Jiao et al. 2020): 4 layers, 312 hidden, 12 heads, 1,200 intermediate; 13,000 tokens.

    Args:
        spread: standard deviation of the weights; a larger one shows the effect of rounding.
    """
    return _bert(WORDS, hidden=312, layers=4, intermediate=1200, spread=spread)


def one_text(tokens: int = TOKENS, words: int = WORDS) -> Batch:
    """Make a batch of one text of random ids below `words`."""
    ids = np.random.default_rng(0).integers(1, words, (1, tokens))
    return {"input_ids": ids, "attention_mask": np.ones_like(ids)}


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
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter += spread * torch.randn_like(parameter)
    return model.eval()
