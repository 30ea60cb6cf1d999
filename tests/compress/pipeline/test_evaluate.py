import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from transformers import BertModel

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.data.texts import read_texts
from pocketbert.compress.exports.onnx import export
from pocketbert.compress.models.modeling_uneven import load_classifier
from pocketbert.compress.pipeline.evaluate import _tokenizer_of, evaluate_file
from pocketbert.compress.pipeline.recipe import Recipe, load_recipe
from tests.support.models import write_any_model, write_tiny_model
from tests.support.tokenizers import save_wordpiece


def evaluate(path: Path, recipe: Recipe) -> None:
    with Progress() as progress:
        evaluate_file(path, recipe, "validation", progress)


def test_a_model_of_no_use_for_the_task_is_one_line(tiny_recipe: Path, tiny_model: Path, tmp_path: Path) -> None:
    recipe = load_recipe(tiny_recipe)
    tagger = write_any_model(tmp_path, "bert", token_level=True)
    (tagger / "tokenizer.json").write_bytes((tiny_model / "tokenizer.json").read_bytes())
    with pytest.raises(BadInput, match="is a BertForTokenClassification; legal"):
        evaluate(tagger, recipe)
    short = write_tiny_model(tmp_path / "short", max_position_embeddings=12)
    with pytest.raises(BadInput, match="has 12 positions"):
        evaluate(short, recipe)
    named = write_tiny_model(tmp_path / "named", id2label={0: "pos", 1: "neg"})
    with pytest.raises(BadInput, match=r"has the labels \['pos', 'neg'\], the data \['neg', 'pos'\]"):
        evaluate(named, recipe)
    three = write_tiny_model(tmp_path / "three", num_labels=3)
    with pytest.raises(BadInput, match="predicts 3 labels, the data has 2: neg, pos"):
        evaluate(three, recipe)
    headless = write_tiny_model(tmp_path / "headless")
    BertModel.from_pretrained(tiny_model).save_pretrained(headless)
    with pytest.raises(BadInput, match=r"there are no weights for classifier\.bias"):
        evaluate(headless, recipe)
    small = write_tiny_model(tmp_path / "small", vocab_size=10)
    with pytest.raises(BadInput, match="its table has 10 rows"):
        evaluate(small, recipe)
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no graph")
    (tmp_path / "tokenizer.json").write_bytes((tiny_model / "tokenizer.json").read_bytes())
    with pytest.raises(BadInput, match=r"broken\.onnx: cannot be opened"):
        evaluate(broken, recipe)


def test_a_tokenizer_in_another_form_is_the_folders_own(tiny_recipe: Path, tiny_model: Path, tmp_path: Path) -> None:
    """A tokenizer.json above is that of another model."""
    folder = write_tiny_model(tmp_path / "above/model")
    save_wordpiece(folder)
    vocabulary = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab()
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}', encoding="utf-8")
    (folder / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.__getitem__)), encoding="utf-8")
    (tmp_path / "above/tokenizer.json").write_bytes((tiny_model / "tokenizer.json").read_bytes())
    assert vocabulary.items() <= _tokenizer_of(folder).get_vocab().items()
    (folder / "vocab.txt").unlink()
    (folder / "tokenizer_config.json").unlink()
    assert not vocabulary.items() <= _tokenizer_of(folder).get_vocab().items()


def test_a_file_that_cannot_answer_is_one_line(tiny_recipe: Path, tiny_model: Path, tmp_path: Path) -> None:
    """Of 10 tokens, which an .onnx file does not say."""
    model = load_classifier(write_tiny_model(tmp_path / "few", vocab_size=10))
    export(model, tmp_path / "few.onnx", "fp32")
    (tmp_path / "tokenizer.json").write_bytes((tiny_model / "tokenizer.json").read_bytes())
    with pytest.raises(BadInput, match=r"few\.onnx: cannot answer the rows"):
        evaluate(tmp_path / "few.onnx", load_recipe(tiny_recipe))


def test_labels_beyond_the_limit_are_told(tiny_recipe: Path, tmp_path: Path) -> None:
    (data := tmp_path / "few").mkdir()
    labels = ["a", "b", "c", "a", "b", "d"]
    lines = [json.dumps({"text": "好", "label": label}) for label in labels]
    for split in ("train", "validation", "test"):
        (data / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    overrides = {"task.dataset": str(data), "task.limit": "{ validation = 5 }"}
    assert read_texts(load_recipe(tiny_recipe, overrides).task).remarks == [
        "1 of 4 labels have no row among the first 5 validation rows"
    ]
    (data / "test.jsonl").write_text("\n".join(sorted(lines)), encoding="utf-8")
    with pytest.raises(BadInput, match="the first 4 test rows are all 'a', 'b', of 4 labels"):
        read_texts(load_recipe(tiny_recipe, overrides | {"task.limit": "{ test = 4 }"}).task)


def test_rows_sorted_by_label_teach_nothing(tiny_recipe: Path, tiny_model: Path, tmp_path: Path) -> None:
    data = tmp_path / "sorted"
    data.mkdir()
    lines = [json.dumps({"text": "好", "label": label}) for label in ("neg", "neg", "pos", "pos")]
    for split in ("train", "validation", "test"):
        (data / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    recipe = load_recipe(tiny_recipe, {"task.dataset": str(data), "task.labelled": "2"})
    with pytest.raises(
        BadInput, match="the first 2 train rows are all 'neg', of 2 labels; legal: rows of several labels"
    ):
        evaluate(tiny_model, recipe)
