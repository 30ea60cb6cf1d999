"""recipes/bert-base-chinese.toml as a user with a hub runs it, on folders laid out as hub snapshots: real sizes, random
weights.
"""

import json
import random
from pathlib import Path

import pytest

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.manifest import load_manifest
from pocketbert.compress.pipeline.build import build
from pocketbert.compress.pipeline.recipe import load_recipe
from tests.support import REPO
from tests.support.models import as_published

TOKENS = 21_128
_SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}


def write_snapshot(folder: Path, **sizes: int) -> Path:
    """`bert-base-chinese` or a smaller relative: the same kind and size of tokenizer and model."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    pieces = [*_SPECIAL.values(), *(chr(point) for point in range(0x4E00, 0x9FA6))][:TOKENS]
    pieces += [f"##{chr(point)}" for point in range(0x4E00, 0x4E00 + TOKENS - len(pieces))]
    tokenizer = Tokenizer(models.WordPiece({piece: n for n, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=512, **_SPECIAL).save_pretrained(folder)
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=TOKENS, **sizes)).save_pretrained(folder)
    return folder


def write_rows(folder: Path) -> Path:
    folder.mkdir()
    draw = random.Random(1)  # noqa: S311
    for split, count in (("train", 48), ("validation", 16), ("test", 16)):
        lines = ["label,text"]
        for _ in range(count):
            label = draw.randrange(2)
            lines.append(f"{label},{'坏好'[label]}{''.join(draw.choices('书店房间电脑屏幕服务', k=8))}")
        (folder / f"{split}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("student", "layers", "hidden"),
    [("{}", 4, 768), ("TinyBERT_4L_zh", 4, 312), ("tinybert", 4, 312)],
    ids=["teacher-layers", "pretrained", "sliced"],
)
def test_the_recipe_runs_on_snapshots(tmp_path: Path, student: str, layers: int, hidden: int) -> None:
    small = {"num_hidden_layers": 4, "hidden_size": 312, "intermediate_size": 1200}
    chosen = {
        "{}": '{ init = "teacher-layers", layers = 4 }',
        "TinyBERT_4L_zh": f'{{ init = "{tmp_path / "TinyBERT_4L_zh"}" }}',
        "tinybert": '{ init = "teacher-layers", architecture = "tinybert" }',
    }[student]
    if student == "TinyBERT_4L_zh":
        as_published(write_snapshot(tmp_path / student, **small))
    overrides = {
        "teacher.model": str(write_snapshot(tmp_path / "bert-base-chinese")),
        "task.dataset": str(write_rows(tmp_path / "ChnSentiCorp")),
        "teacher.epochs": "1",
        "distill.epochs": "1",
        "distill.student": chosen,
        "guard.max_drop": "0.9",
    }
    recipe = load_recipe(REPO / "recipes/bert-base-chinese.toml", overrides)
    with Progress() as progress:
        build(recipe, tmp_path / "artifacts", "test", progress)
    manifest = load_manifest(tmp_path / "artifacts/manifest.json")
    assert [stage.kind for stage in recipe.stages] == [
        stage.kind for stage in load_recipe(REPO / "recipes/chnsenticorp.toml").stages
    ]
    teacher = json.loads((tmp_path / "artifacts/stages/00-teacher/model/config.json").read_text())
    assert (teacher["num_hidden_layers"], teacher["hidden_size"], teacher["vocab_size"]) == (12, 768, TOKENS)
    made = json.loads((tmp_path / "artifacts/stages/02-distill/model/config.json").read_text())
    assert (made["num_hidden_layers"], made["hidden_size"]) == (layers, hidden)
    assert {a.id for a in manifest.artifacts if a.role == "ship"} >= {
        *("student-fp32.torch", "student-fp32.onnx", "student-int8.onnx", "student-int4.onnx"),
    }
