from pathlib import Path

import pytest
from tokenizers import Tokenizer
from transformers import BertModel

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.progress import Progress
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
    with pytest.raises(BadInput, match=r"classifies every token \(BertForTokenClassification\)"):
        evaluate(tagger, recipe)
    short = write_tiny_model(tmp_path / "short", max_position_embeddings=12)
    with pytest.raises(BadInput, match="has 12 positions"):
        evaluate(short, recipe)
    named = write_tiny_model(tmp_path / "named", id2label={0: "pos", 1: "neg"})
    with pytest.raises(BadInput, match=r"the model's labels are pos, neg, the data's neg, pos; their order differs"):
        evaluate(named, recipe)
    three = write_tiny_model(tmp_path / "three", num_labels=3)
    with pytest.raises(BadInput, match="predicts 3 labels, the data has 2: neg, pos"):
        evaluate(three, recipe)
    headless = write_tiny_model(tmp_path / "headless")
    BertModel.from_pretrained(tiny_model).save_pretrained(headless)
    with pytest.raises(BadInput, match=r"headless is not fine-tuned: it has no classification head"):
        evaluate(headless, recipe)
    small = write_tiny_model(tmp_path / "small", vocab_size=10)
    with pytest.raises(BadInput, match="its embedding matrix has 10 rows"):
        evaluate(small, recipe)
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no graph")
    (tmp_path / "tokenizer.json").write_bytes((tiny_model / "tokenizer.json").read_bytes())
    with pytest.raises(BadInput, match=r"broken\.onnx: cannot be run on the validation rows"):
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
    with pytest.raises(BadInput, match=r"few\.onnx: cannot be run on the validation rows"):
        evaluate(tmp_path / "few.onnx", load_recipe(tiny_recipe))
