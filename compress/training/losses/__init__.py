"""What a student is trained to make small. One loss per file, a pure function with the name its paper gives it.

| loss | compares | paper |
| --- | --- | --- |
| `cross_entropy` | logits with hard labels | |
| `soft_targets` | logits with the teacher's | Hinton et al. 2015 |
| `distillation` | logits with both | Hinton et al. 2015 |
| `feature_map_transfer` | embeddings or hidden states, MSE | TinyBERT, MobileBERT |
| `cosine_embedding` | embeddings or hidden states, cosine distance | DistilBERT |
| `attention_scores` | each head's scores before softmax, MSE | TinyBERT |
| `attention_transfer` | each head's attention, KL | MobileBERT |
| `self_attention_relation` | how tokens resemble each other, KL | MiniLM, MiniLMv2 |

Vectors are (rows, tokens, width); their `mask` (rows, tokens) is 1 where a token is visible. Padding never counts.
"""

from pocketbert.compress.training.losses.attention_scores import attention_scores
from pocketbert.compress.training.losses.attention_transfer import attention_transfer
from pocketbert.compress.training.losses.cosine_embedding import cosine_embedding
from pocketbert.compress.training.losses.cross_entropy import cross_entropy
from pocketbert.compress.training.losses.distillation import distillation
from pocketbert.compress.training.losses.feature_map_transfer import feature_map_transfer
from pocketbert.compress.training.losses.self_attention_relation import self_attention_relation
from pocketbert.compress.training.losses.soft_targets import soft_targets

__all__ = [
    "attention_scores",
    "attention_transfer",
    "cosine_embedding",
    "cross_entropy",
    "distillation",
    "feature_map_transfer",
    "self_attention_relation",
    "soft_targets",
]
