"""Classifier of texts without layers: the mean of the token embeddings, and a linear head.

The floor that a deeper student has to beat (fastText, Joulin et al. 2017, "Bag of Tricks for Efficient Text
Classification", https://arxiv.org/abs/1607.01759). This file is copied into the checkpoints, where
`trust_remote_code=True` reads it without pocketbert, so it imports only torch and transformers.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForSequenceClassification, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput


class StaticConfig(PretrainedConfig):
    """Configuration under the names that other encoders use; there are no layers, and no positions are looked up.

    With `sep_token_id` a text is a pair: where there are no token types, its second text begins at that token.
    """

    model_type = "static"
    vocab_size: int = 30522
    hidden_size: int = 384
    num_hidden_layers: int = 0
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    hidden_dropout_prob: float = 0.1
    pad_token_id: int | None = 0
    sep_token_id: int | None = None


class StaticEmbeddings(nn.Module):
    """The embedding matrix."""

    def __init__(self, config: StaticConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden_size)

    def forward(self, input_ids: Tensor) -> Tensor:
        """Look up `input_ids`, (texts, tokens) -> (texts, tokens, hidden)."""
        rows: Tensor = self.word_embeddings(input_ids)
        return rows


class StaticModel(PreTrainedModel):
    """Mean of the token embeddings of each text."""

    config_class = StaticConfig
    base_model_prefix = "static"

    def __init__(self, config: StaticConfig) -> None:
        super().__init__(config)
        self.embeddings = StaticEmbeddings(config)
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        """Return the embedding matrix."""
        return self.embeddings.word_embeddings

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        """Replace the embedding matrix."""
        self.embeddings.word_embeddings = value

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        """Compute one vector per text, (texts, width), where padding does not count.

        The width is `hidden_size`. The vector of a pair is four times as wide: the means u and v of its two texts,
        |u - v| and u * v (Conneau et al. 2017, "Supervised Learning of Universal Sentence Representations from Natural
        Language Inference Data", https://arxiv.org/abs/1705.02364).
        """
        hidden = self.embeddings(input_ids)
        visible = attention_mask.to(hidden.dtype)
        if self.config.sep_token_id is None:
            return _mean(hidden, visible)
        if token_type_ids is None:
            token_type_ids = (input_ids == self.config.sep_token_id).long().cumsum(dim=1).clamp(max=1)
        second = token_type_ids.to(hidden.dtype)
        u, v = _mean(hidden, visible * (1.0 - second)), _mean(hidden, visible * second)
        return torch.cat([u, v, (u - v).abs(), u * v], dim=-1)


def _mean(hidden: Tensor, weights: Tensor) -> Tensor:
    """Average `hidden`, (texts, tokens, width), over the tokens whose weight is 1; `weights` is (texts, tokens)."""
    return (hidden * weights[:, :, None]).sum(dim=1) / weights.sum(dim=1, keepdim=True).clamp(min=1.0)


class StaticForSequenceClassification(PreTrainedModel):
    """Linear head on the mean of the token embeddings."""

    config_class = StaticConfig
    base_model_prefix = "static"

    def __init__(self, config: StaticConfig) -> None:
        super().__init__(config)
        self.static = StaticModel(config)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        width = config.hidden_size * (1 if config.sep_token_id is None else 4)
        self.classifier = nn.Linear(width, config.num_labels)
        self.post_init()

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None, **_: Any
    ) -> SequenceClassifierOutput:
        """Compute logits, (texts, labels), from ids, mask and, for pairs, token types, all (texts, tokens)."""
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        pooled = self.static(input_ids, mask, token_type_ids)
        return SequenceClassifierOutput(logits=self.classifier(self.dropout(pooled)))


AutoConfig.register(StaticConfig.model_type, StaticConfig)
StaticConfig.register_for_auto_class()
AutoModelForSequenceClassification.register(StaticConfig, StaticForSequenceClassification)
StaticForSequenceClassification.register_for_auto_class("AutoModelForSequenceClassification")
