import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from pocketbert.compress.tasks import open_task


def tokenizer(types: bool) -> Tokenizer:
    made = Tokenizer(models.WordLevel({c: n for n, c in enumerate(["[PAD]", "[CLS]", "[SEP]", *"abcdef"])}))
    made.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    pair = f"[CLS] $A [SEP] $B{':1' if types else ''} [SEP]{':1' if types else ''}"
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair=pair, special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return made


def test_a_pair_is_one_input_and_loses_of_the_longer_text() -> None:
    task = open_task("matching", ["no", "yes"], 8)
    inputs = task.encode(tokenizer(types=True), {"text": ["ab", "abcdef"], "text_pair": ["cd", "ab"]})
    assert inputs.sequences == [[1, 3, 4, 2, 5, 6, 2], [1, 3, 4, 5, 2, 3, 4, 2]]
    assert inputs.types == [[0, 0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 0, 1, 1, 1]]
    assert inputs.truncated == 1
    batch = inputs.padded([0, 1])
    assert batch["token_type_ids"].tolist() == [[0, 0, 0, 0, 1, 1, 1, 0], [0, 0, 0, 0, 0, 1, 1, 1]]


def test_a_tokenizer_without_types_gives_none() -> None:
    task = open_task("matching", ["no", "yes"], 8)
    inputs = task.encode(tokenizer(types=False), {"text": ["ab"], "text_pair": ["cd"]})
    assert inputs.types is None
    assert "token_type_ids" not in inputs.padded([0])


@pytest.mark.parametrize(("labels", "average"), [(["no", "yes"], "binary"), (["a", "b", "c"], "macro")])
def test_scores_against_scikit_learn(labels: list[str], average: str) -> None:
    from sklearn.metrics import accuracy_score, f1_score

    rng = np.random.default_rng(0)
    logits = rng.normal(size=(50, len(labels))).astype(np.float32)
    gold = rng.integers(0, len(labels), 50).tolist()
    scores = open_task("matching", labels, 8).scores(logits, gold)
    assert scores["accuracy"] == pytest.approx(accuracy_score(gold, logits.argmax(1)))
    assert scores["f1"] == pytest.approx(f1_score(gold, logits.argmax(1), average=average))
