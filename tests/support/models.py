"""Tiny models, datasets and contexts that several test files share."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pocketbert.compress.base.progress import Progress, Work
from pocketbert.compress.tasks import open_task
from pocketbert.compress.tasks.inputs import Inputs
from pocketbert.compress.tasks.rows import Rows, Tokens
from pocketbert.compress.tasks.tokenizer import load_tokenizer
from pocketbert.compress.training.context import Context

if TYPE_CHECKING:
    from torch import nn

GOOD, BAD, FILLER = "好棒赞妙佳", "差烂糟坏劣", "书店房间电脑屏幕服务早餐价格快递"
LABELS = ["neg", "pos"]
RECIPE = """
name = "tiny"
seed = 3
[task]
dataset = "{data}"
max_length = 16
[teacher]
model = "{model}"
epochs = 4
learning_rate = 3e-3
batch_size = 16
[guard]
max_drop = 0.5
[[stage]]
kind = "prune-heads"
ratio = 0.25
calibration_rows = 32
[[stage]]
kind = "distill"
student = {{ init = "teacher-layers", layers = 2 }}
alpha = 0.5
learning_rate = 3e-3
batch_size = 16
[[artifact]]
format = "torch"
[[artifact]]
format = "onnx"
[[artifact]]
format = "onnx"
precision = "int8"
"""
FAMILIES = ("bert", "roberta", "electra", "ernie")
HEADS = [(family, token_level) for token_level in (False, True) for family in FAMILIES]
DRAW = np.random.default_rng(5)
SEQUENCES = [[2, *DRAW.integers(4, 30, size=length).tolist(), 3] for length in range(3, 19)]
WORDS = Inputs(SEQUENCES, 0, scored=[list(range(1, len(s) - 1)) for s in SEQUENCES])


class Heard(Progress):
    """Remembers what was said."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.advances: dict[str, list[float]] = {}

    def say(self, line: str) -> None:
        self.lines.append(line)

    @contextmanager
    def work(self, description: str, total: float) -> Iterator[Work]:
        advances = self.advances[description] = []
        with super().work(description, total) as work:
            advance = work.advance
            monitor = Work(self, description, total)
            monitor.advance = lambda amount=1.0: (advances.append(amount), advance(amount))[1]  # type: ignore[method-assign]
            yield monitor

    @property
    def built(self) -> list[str]:
        return [line.partition(": building")[0] for line in self.lines if ": building" in line]


def write_tiny_model(folder: Path, **changes: object) -> Path:
    """Config, safetensors and tokenizer of a random 4-layer BERT over single characters."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *sorted(set(GOOD + BAD + FILLER))]
    tokenizer = Tokenizer(models.WordLevel({t: i for i, t in enumerate(tokens)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    sizes: dict[str, object] = {
        "vocab_size": len(tokens),
        "hidden_size": 32,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
    }
    BertForSequenceClassification(BertConfig(**(sizes | changes))).save_pretrained(folder)
    return folder


def write_knowing_model(folder: Path, right: bool = True, **changes: object) -> Path:
    """A tiny model that counts the good and the bad characters of a text, without any training.

    Each layer averages over all tokens (queries and keys are 0), and the rest of it does nothing.

    Args:
        right: the second output means the good ones, as `LABELS` lists them; else the first.
    """
    import torch
    from transformers import BertForSequenceClassification

    write_tiny_model(folder, **changes)
    model = BertForSequenceClassification.from_pretrained(folder)
    hidden = torch.eye(model.config.hidden_size)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "LayerNorm" not in name:
                parameter.zero_()
        for layer in model.bert.encoder.layer:
            layer.attention.self.value.weight.copy_(hidden)
            layer.attention.output.dense.weight.copy_(hidden)
        vocabulary = load_tokenizer(folder / "tokenizer.json").get_vocab()
        for column, characters in enumerate((BAD, GOOD)):
            for character in characters:
                model.bert.embeddings.word_embeddings.weight[vocabulary[character], column] = 1
        model.bert.pooler.dense.weight.copy_(hidden)
        model.classifier.weight.copy_(hidden[:2] if right else hidden[[1, 0]])
    model.save_pretrained(folder)
    return folder


def as_published(folder: Path) -> Path:
    """The same as Google's BERT and Huawei's TinyBERT lie on the hub: no model type, a vocab.txt, a .bin."""
    import torch
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    del config["model_type"], config["architectures"]
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    vocabulary = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab()
    (folder / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.__getitem__)), encoding="utf-8")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    for file in ("tokenizer.json", "tokenizer_config.json", "model.safetensors"):
        (folder / file).unlink()
    return folder


def write_tiny_data(folder: Path, rows: int = 240) -> Path:
    """train, validation and test as JSON Lines; the label follows from which characters occur."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(7)  # noqa: S311
    for split, count in (("train", rows), ("validation", rows // 3), ("test", rows // 3)):
        lines = []
        for _ in range(count):
            label = rng.randrange(2)
            characters = rng.choices((BAD, GOOD)[label], k=rng.randint(1, 3)) + rng.choices(FILLER, k=rng.randint(2, 9))
            rng.shuffle(characters)
            lines.append(json.dumps({"text": "".join(characters), "label": LABELS[label]}, ensure_ascii=False))
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def with_first_stage(recipe: Path, stage: str) -> Path:
    before, _, rest = recipe.read_text(encoding="utf-8").partition('[[stage]]\nkind = "prune-heads"')
    _, _, after = rest.partition("[[stage]]")
    recipe.write_text(f"{before}[[stage]]\n{stage}\n[[stage]]{after}", encoding="utf-8")
    return recipe


def rows_of(sequences: list[list[int]], labels: list[int]) -> Rows:
    """Texts that are tokens already."""
    return Rows(Inputs(sequences, 0), labels, {"text": [""] * len(labels), "label": labels})


def context_of(rows: Rows, scratch: Path, **more: Any) -> Context:
    """A context in which every split is `rows`."""
    task = open_task("classification", LABELS, 16)

    def tokenize(tokenizer_file: Path) -> Tokens:
        again = Rows(task.encode(load_tokenizer(tokenizer_file), rows.columns), rows.gold, rows.columns)
        return Tokens(again, again, again)

    return Context(task, rows, rows, rows, 0, scratch, Progress(), tokenize, **more)


def write_any_model(folder: Path, family: str, token_level: bool = False, **changes: object) -> Path:
    """A random model of a family, a classifier of texts or of tokens; ELECTRA's embeddings are narrower than its
    layers, as in its small models.
    """
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoModelForTokenClassification

    sizes: dict[str, object] = {
        "vocab_size": 32,
        "hidden_size": 32,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
        "initializer_range": 0.2,  # at the usual 0.02 so small a model says nearly the same to everything
    }
    more: dict[str, dict[str, object]] = {
        "roberta": {"pad_token_id": 1, "type_vocab_size": 1},
        "electra": {"embedding_size": 16},
        "ernie": {"use_task_id": True},
        "mobilebert": {"intra_bottleneck_size": 8, "embedding_size": 8},
    }
    torch.manual_seed(0)
    config = AutoConfig.for_model(family, **(sizes | more.get(family, {}) | changes))
    auto = AutoModelForTokenClassification if token_level else AutoModelForSequenceClassification
    path = folder / f"{family}-{'tokens' if token_level else 'texts'}"
    model = auto.from_config(config)
    with torch.no_grad():  # fresh ones are all 0, and nobody would miss them
        for name, parameter in model.named_parameters():
            if name.endswith(".bias"):
                parameter.normal_(std=0.1)
    model.save_pretrained(path)
    return path


def spoil(model: "nn.Module", name: str, norm: str, weight: float = 1e3) -> None:
    """Give the Linear `name` a column of huge weights that nothing reaches in float: what `norm` writes there is 0."""
    import torch

    with torch.no_grad():
        for parameter in model.get_submodule(norm).parameters():
            parameter[3] = 0.0
        model.get_submodule(name).get_parameter("weight")[:, 3] = weight
