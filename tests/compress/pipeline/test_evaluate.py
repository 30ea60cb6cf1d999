import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from transformers import BertModel

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.exports.onnx import export
from pocketbert.compress.models.pretrained import load_classifier, load_teacher, other_normalizer
from pocketbert.compress.pipeline.evaluate import _tokenizer_of, evaluate_file
from pocketbert.compress.pipeline.recipe import Recipe, load_recipe
from tests.support.models import Heard, write_any_model, write_tiny_model
from tests.support.tokenizers import save_wordpiece, wordpiece


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


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("name", ["pipe.onnx", "pipe"])
def test_a_pipe_is_not_opened(tiny_recipe: Path, tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(BadInput, match="is a named pipe; use a regular file"):
        evaluate(tmp_path / name, load_recipe(tiny_recipe))


def test_a_tokenizer_in_another_form_is_the_folders_own(tiny_recipe: Path, tiny_model: Path, tmp_path: Path) -> None:
    """A tokenizer.json above is that of another model."""
    folder = write_tiny_model(tmp_path / "above/model")
    save_wordpiece(folder)
    vocabulary = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab()
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}', encoding="utf-8")
    (folder / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.__getitem__)), encoding="utf-8")
    (tmp_path / "above/tokenizer.json").write_bytes((tiny_model / "tokenizer.json").read_bytes())
    assert vocabulary.items() <= _tokenizer_of(folder, Progress()).get_vocab().items()
    (folder / "vocab.txt").unlink()
    (folder / "tokenizer_config.json").unlink()
    assert not vocabulary.items() <= _tokenizer_of(folder, Progress()).get_vocab().items()


def test_a_file_that_cannot_answer_is_one_line(tiny_recipe: Path, tiny_model: Path, tmp_path: Path) -> None:
    """Of 10 tokens, which an .onnx file does not say."""
    model = load_classifier(write_tiny_model(tmp_path / "few", vocab_size=10))
    export(model, tmp_path / "few.onnx", "fp32")
    (tmp_path / "tokenizer.json").write_bytes((tiny_model / "tokenizer.json").read_bytes())
    with pytest.raises(BadInput, match=r"few\.onnx: cannot be run on the validation rows"):
        evaluate(tmp_path / "few.onnx", load_recipe(tiny_recipe))


def test_what_is_odd_about_labels_and_texts_is_said(built: tuple[Path, Path], tiny_data: Path, tmp_path: Path) -> None:
    """A turned head, numbers as labels, and a special token in a text: in one file that is scored all the same."""
    data = tmp_path / "data"
    data.mkdir()
    for file in tiny_data.glob("*.jsonl"):
        text = file.read_text(encoding="utf-8").replace('"neg"', "0").replace('"pos"', "1")
        (data / file.name).write_text(text.replace('{"text": "', '{"text": "[SEP]', 1), encoding="utf-8")
    model = load_classifier(built[1] / "stages/00-teacher/model")
    model.config.update({"id2label": {0: "negative", 1: "positive"}, "label2id": {"negative": 0, "positive": 1}})
    with torch.no_grad():
        for parameter in model.classifier.parameters():
            parameter.copy_(parameter.flip(0))
    folder = tmp_path / "turned"
    model.save_pretrained(folder)
    shutil.copy(built[1] / "stages/00-teacher/tokenizer/tokenizer.json", folder)
    with Heard() as heard:
        scores, rows = evaluate_file(folder, load_recipe(built[0], {"task.dataset": str(data)}), "validation", heard)
    assert scores["accuracy"] < 0.3
    assert heard.lines[0].startswith(
        f"1 of {rows} validation texts spell a special token, such as [SEP]; it is read as"
    )
    assert heard.lines[1] == "the labels of the data are taken as the model's own numbers: 0 is negative, 1 is positive"
    assert heard.lines[2].startswith(f"{folder}: its outputs seem to be in another order than the labels: accuracy is ")
    assert heard.lines[2].endswith('; set labels in [task] to ["1", "0"]')


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_file_with_a_weight_that_is_no_number_gets_no_score(
    wrong: float, tiny_recipe: Path, tiny_model: Path, tmp_path: Path
) -> None:
    """A folder names the weight; of an .onnx file only its logits tell, here those of texts with one character."""
    model = load_classifier(tiny_model)
    tokenizer = Tokenizer.from_file(str(tiny_model / "tokenizer.json"))
    with torch.no_grad():
        model.bert.embeddings.word_embeddings.weight[tokenizer.token_to_id("好")] = wrong
    export(model, tmp_path / "one.onnx", "fp32")
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(BadInput, match=r"one\.onnx: the logits of [1-7]?\d of 80 predictions are NaN or infinite"):
        evaluate(tmp_path / "one.onnx", load_recipe(tiny_recipe))
    folder = tmp_path / "folder"
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    with pytest.raises(BadInput, match=r"folder: 32 of the 960 numbers in bert\.embeddings\.word_embeddings\.weight"):
        evaluate(folder, load_recipe(tiny_recipe))


def test_another_padding_id_moves_the_positions_of_a_roberta(
    tiny_recipe: Path, tiny_model: Path, tmp_path: Path
) -> None:
    roberta = write_any_model(tmp_path, "roberta")
    (roberta / "tokenizer.json").write_bytes((tiny_model / "tokenizer.json").read_bytes())
    with pytest.raises(BadInput, match=r"is 1, its tokenizer's padding token has the id 0, and a roberta model counts"):
        evaluate(roberta, load_recipe(tiny_recipe))


@pytest.mark.parametrize("lowercase", [False, True])
def test_a_tokenizer_is_read_as_a_build_reads_it(lowercase: bool, tiny_recipe: Path, tmp_path: Path) -> None:
    """tokenizer.json and tokenizer_config.json may say different things; transformers follows the latter."""
    folder = write_tiny_model(tmp_path / "model")
    described = json.loads(wordpiece().to_str()) | {"normalizer": {"type": "BertNormalizer", "clean_text": True}}
    described["normalizer"] |= {"handle_chinese_chars": True, "strip_accents": None, "lowercase": lowercase}
    (folder / "tokenizer.json").write_text(json.dumps(described), encoding="utf-8")
    for said in (True, False):
        settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": said}
        (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
        with Heard() as heard:
            read = _tokenizer_of(folder, heard)
        _, loaded = load_teacher(str(folder), ["a", "b"], tmp_path)
        assert read.encode("好A").ids == loaded("好A")["input_ids"]
        assert [line.startswith(f"{folder}: tokenizer.json makes ") for line in heard.lines] == [True] * (
            said != lowercase
        )
        assert (other_normalizer(str(folder), loaded) is None) == (said == lowercase)
