"""Hub ids and folders go through `from_pretrained`; a hub snapshot is laid out on the spot."""

import json
import os
import shutil
from pathlib import Path

import pytest
from tokenizers import Tokenizer, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.models.pretrained import (
    load_teacher,
    other_normalizer,
    read_tokenizer,
    repeated_tokens,
    source_key,
)
from pocketbert.compress.pruning.surgery import without
from pocketbert.compress.training.distillation.student import Student, own_tokenizer
from tests.support.models import as_published, write_tiny_model
from tests.support.tokenizers import unigram


def test_hub_snapshot_becomes_a_classifier(tiny_model: Path, tmp_path: Path) -> None:
    model, tokenizer = load_teacher(str(tiny_model), ["a", "b", "c"], tmp_path)
    assert model.config.num_labels == 3
    assert model.config.id2label == {0: "a", 1: "b", 2: "c"}
    assert model.config.label2id == {"a": 0, "b": 1, "c": 2}
    assert tokenizer("好差")["input_ids"][0] == 2


def test_names_that_say_nothing_become_the_datas(tmp_path: Path, tiny_model: Path) -> None:
    model, _ = load_teacher(str(tiny_model), ["neg", "pos"], tmp_path, tuned=True)
    assert model.config.id2label == {0: "neg", 1: "pos"}
    assert model.config.label2id == {"neg": 0, "pos": 1}


def test_whatever_a_hub_client_raises_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class ProxyError(Exception):
        pass

    def refused(*_: object, **__: object) -> None:
        raise ProxyError("403 Forbidden\nand a page of HTML")

    monkeypatch.setattr("transformers.PreTrainedConfig.get_config_dict", refused)
    with pytest.raises(BadInput, match=r"403 Forbidden \(not a local folder, .*offline\.toml\)$"):
        load_teacher("somebody/something", ["a", "b"], tmp_path)


def test_a_teacher_that_is_not_to_be_trained_is_checked(tmp_path: Path, tiny_model: Path) -> None:
    from transformers import BertModel

    turned = write_tiny_model(tmp_path / "turned", id2label={0: "pos", 1: "neg"})
    with pytest.raises(BadInput, match=r'so add labels = \["pos", "neg"\] to \[task\]'):
        load_teacher(str(turned), ["neg", "pos"], tmp_path, tuned=True)
    other = write_tiny_model(tmp_path / "other", id2label={0: "消极", 1: "积极"})
    with pytest.raises(BadInput, match=f"or id2label in {other / 'config.json'}, which is"):
        load_teacher(str(other), ["neg", "pos"], tmp_path, tuned=True)
    headless = write_tiny_model(tmp_path / "headless")
    BertModel.from_pretrained(tiny_model).save_pretrained(headless)
    for architectures in (["BertModel"], None):  # with None only the weights show it
        config = json.loads((headless / "config.json").read_text(encoding="utf-8"))
        (headless / "config.json").write_text(json.dumps(config | {"architectures": architectures}), encoding="utf-8")
        with pytest.raises(BadInput, match=r"is not fine-tuned: .* set teacher\.epochs = 3 \(0 means no training\)$"):
            load_teacher(str(headless), ["neg", "pos"], tmp_path, tuned=True)


def test_an_encoder_that_is_not_all_there_is_refused(tmp_path: Path, tiny_model: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = write_tiny_model(tmp_path / "wrapped")
    weights = load_file(tiny_model / "model.safetensors")
    save_file(
        {f"module.{name}": value for name, value in weights.items()}, folder / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(BadInput, match=r"has no weights for bert\.embeddings"):
        load_teacher(str(folder), ["neg", "pos"], tmp_path)
    shutil.copy(tiny_model / "model.safetensors", folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 128}), encoding="utf-8")
    with pytest.raises(BadInput, match=r"position_embeddings\.weight, or their shape is another"):
        load_teacher(str(folder), ["neg", "pos"], tmp_path)


def test_an_encoder_may_come_without_a_pooler(tmp_path: Path, tiny_model: Path) -> None:
    from transformers import BertModel

    folder = write_tiny_model(tmp_path / "bare")
    BertModel.from_pretrained(tiny_model, add_pooling_layer=False).save_pretrained(folder)
    assert load_teacher(str(folder), ["a", "b", "c"], tmp_path)


def test_an_adapter_beside_the_weights_is_refused(tmp_path: Path) -> None:
    """transformers ignores it unless peft is installed."""
    folder = write_tiny_model(tmp_path / "lora")
    (folder / "adapter_config.json").write_text("{}")
    for tuned in (False, True):
        with pytest.raises(BadInput, match=r"has an adapter beside its weights .* or remove that file$"):
            load_teacher(str(folder), ["a", "b"], tmp_path, tuned=tuned)
    (folder / "adapter_config.json").unlink()
    load_teacher(str(folder), ["a", "b"], tmp_path)


def test_ids_without_a_row_are_refused(tmp_path: Path) -> None:
    small = write_tiny_model(tmp_path / "small", vocab_size=10)
    with pytest.raises(BadInput, match=r"^teacher\.model .* has ids up to \d+, its embedding matrix has 10 rows"):
        load_teacher(str(small), ["a", "b"], tmp_path)


def test_a_teacher_of_tokens(tmp_path: Path, tiny_model: Path) -> None:
    labels = ["O", "B", "I"]
    model, _ = load_teacher(str(tiny_model), labels, tmp_path, token_level=True)
    assert type(model).__name__ == "BertForTokenClassification"
    assert model.config.label2id == {"O": 0, "B": 1, "I": 2}
    folder = write_tiny_model(tmp_path / "cut")
    without(model, {0: [1]}, {}).save_pretrained(folder)
    again, _ = load_teacher(str(folder), labels, tmp_path, token_level=True, tuned=True)
    assert type(again).__name__ == "UnevenBertForTokenClassification"
    with pytest.raises(
        BadInput,
        match=r"classifies every token \(UnevenBertForTokenClassification\), the task needs .* classifies texts",
    ):
        load_teacher(str(folder), labels, tmp_path, tuned=True)
    with pytest.raises(
        BadInput, match=r"classifies texts \(BertForSequenceClassification\), the task needs .* every token"
    ):
        load_teacher(str(tiny_model), ["a", "b"], tmp_path, token_level=True, tuned=True)


def test_texts_longer_than_the_position_embeddings_are_refused(tmp_path: Path, tiny_model: Path) -> None:
    load_teacher(str(tiny_model), ["a", "b"], tmp_path, max_length=64)
    with pytest.raises(BadInput, match=r"^teacher\.model .* has 64 positions"):
        load_teacher(str(tiny_model), ["a", "b"], tmp_path, max_length=65)


@pytest.mark.slow
def test_bert_base_chinese_configuration(tmp_path: Path) -> None:
    """The real sizes, random weights: 12 layers of 768 and 21,128 tokens."""
    sizes = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
    folder = write_tiny_model(tmp_path / "bert-base-chinese", **sizes, vocab_size=21128, max_position_embeddings=512)
    model, _ = load_teacher(str(folder), ["neg", "pos"], tmp_path)
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(102.3e6, rel=0.01)


def test_no_such_model_says_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(BadInput, match=r"teacher\.model 'nobody/nothing'.*recipes/offline\.toml") as complaint:
        load_teacher("nobody/nothing", ["a", "b"], tmp_path)
    assert "\n" not in str(complaint.value)
    with pytest.raises(BadInput, match="expected one of: builtin:e5-small"):
        load_teacher("builtin:e6", ["a", "b"], tmp_path)


def test_other_architecture_is_refused(tmp_path: Path) -> None:
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    folder = write_tiny_model(tmp_path / "distil")
    config = DistilBertConfig(vocab_size=50, dim=16, n_layers=1, n_heads=2, hidden_dim=16)
    DistilBertForSequenceClassification(config).save_pretrained(folder)
    with pytest.raises(BadInput, match="a distilbert model cannot be compressed; expected one of: bert"):
        load_teacher(str(folder), ["a", "b"], tmp_path)


def test_a_bert_that_does_not_say_so(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "published")
    vocabulary = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab()
    as_published(folder)
    model, tokenizer = load_teacher(str(folder), ["a", "b", "c"], tmp_path)
    assert (model.config.model_type, model.config.num_labels) == ("bert", 3)
    assert tokenizer("好差")["input_ids"] == [2, vocabulary["好"], vocabulary["差"], 3]
    own = own_tokenizer(Student(init=str(folder)))
    assert own is not None and own.token_to_id("好") == vocabulary["好"]
    (folder / "config.json").write_text('{"hidden_size": 32}')
    with pytest.raises(BadInput, match=r"teacher\.model .*Unrecognized model"):
        load_teacher(str(folder), ["a", "b", "c"], tmp_path)


def test_a_hub_that_does_not_answer_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Not offline by choice: the hub's client tries again and again, and would tell of every try."""
    waits: list[float] = []
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", waits.append)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(
        "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
        "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}",
    )
    with pytest.raises(BadInput, match=r"teacher\.model 'nobody/nothing'.*recipes/offline\.toml") as complaint:
        load_teacher("nobody/nothing", ["a", "b"], tmp_path)
    assert "\n" not in str(complaint.value)
    assert waits, "the hub was not asked"
    assert sum(waits) < 30, "each of its files was waited for"
    assert capfd.readouterr() == ("", "")
    assert caplog.messages == []


def test_key_of_a_folder_is_its_content(tiny_model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_model, copy)
    assert source_key(str(copy)) == source_key(str(tiny_model))
    (copy / "config.json").write_text("{}")
    assert source_key(str(copy)) != source_key(str(tiny_model))
    assert source_key("builtin:e5-small") == "builtin:e5-small"


TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "好", "差"]


def vocabulary_of(folder: Path, content: bytes) -> Path:
    """A tiny model of six tokens with a vocab.txt instead of a tokenizer.json."""
    write_tiny_model(folder, vocab_size=len(TOKENS))
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (folder / file).unlink()
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}', encoding="utf-8")
    (folder / "vocab.txt").write_bytes(content)
    return folder


@pytest.mark.parametrize("tail", ["", "\n", "\n\n", "\r\n\r\n\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_byte_order_mark_and_empty_last_lines_of_a_vocabulary_are_ignored(
    tail: str, encoding: str, tmp_path: Path
) -> None:
    folder = vocabulary_of(tmp_path / "model", ("\n".join(TOKENS) + tail).encode(encoding))
    _, tokenizer = load_teacher(str(folder), ["a", "b"], tmp_path)
    assert tokenizer("好坏差")["input_ids"] == [2, 4, 1, 5, 3]
    assert tokenizer.pad_token_id == 0
    assert {token: number for token, number in tokenizer.get_vocab().items() if number < 6} == dict(
        zip(TOKENS, range(6), strict=True)
    )
    tokenizer.save_pretrained(tmp_path / "saved")
    assert "/tmp" not in (tmp_path / "saved/tokenizer_config.json").read_text(encoding="utf-8")  # noqa: S108
    assert repeated_tokens(str(folder)) is None


def test_a_tokenizer_json_is_read_as_it_is_whatever_its_class_would_make(tmp_path: Path) -> None:
    """A tagger's tokenizer puts no blank before a word; XLMRobertaTokenizer would put one there."""
    whole = unigram()
    whole.add_special_tokens(["<mask>"])
    whole.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>", "cls_token": "<s>"}
    PreTrainedTokenizerFast(tokenizer_object=whole, sep_token="</s>", **special).save_pretrained(tmp_path)
    file = tmp_path / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"tokenizer_class": "XLMRobertaTokenizer"}))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    read = read_tokenizer(str(tmp_path), "it").backend_tokenizer
    assert read.encode("好", add_special_tokens=False).tokens == ["好"]


def test_a_tokenizer_json_of_the_hub_is_read_as_one_of_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = vocabulary_of(tmp_path / "model", "\n".join(TOKENS).encode())
    own = read_tokenizer(str(folder), "it")
    own.backend_tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    own.save_pretrained(tmp_path / "saved")
    asked: list[str] = []

    def cached_file(place: str, name: str, **options: bool) -> str:
        assert options and not any(options.values()), "no error for a missing file"
        asked.append(place)
        return str(tmp_path / "saved" / name)

    monkeypatch.setattr("transformers.utils.cached_file", cached_file)
    assert "WhitespaceSplit" in str(read_tokenizer(str(folder), "it").backend_tokenizer.pre_tokenizer)
    assert asked == [str(folder)]


def test_a_builtin_model_has_no_tokenizer_json_on_the_hub(tmp_path: Path) -> None:
    folder = vocabulary_of(tmp_path / "model", "\n".join(TOKENS).encode())
    assert other_normalizer("builtin:e5-small", read_tokenizer(str(folder), "it")) is None


def test_a_vocabulary_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    folder = vocabulary_of(tmp_path / "model", "\n".join(TOKENS).encode("gbk"))
    with pytest.raises(BadInput, match=r"its vocab\.txt is not UTF-8 text; save it as UTF-8$"):
        load_teacher(str(folder), ["a", "b"], tmp_path)


def test_a_padding_token_without_a_row_is_refused(tmp_path: Path) -> None:
    """transformers adds the ``[PAD]`` that the vocabulary lacks."""
    folder = vocabulary_of(tmp_path / "model", "\n".join([*TOKENS[1:], "书"]).encode())
    with pytest.raises(BadInput, match="padding token has the id 6, its embedding matrix has 6 rows"):
        load_teacher(str(folder), ["a", "b"], tmp_path)


def test_tokens_that_are_listed_twice_are_told_of(tmp_path: Path) -> None:
    folder = vocabulary_of(tmp_path / "text", "\n".join([*TOKENS, "好"]).encode())
    said = "lists 1 tokens twice, such as '好'; texts get the id of the last one"
    assert repeated_tokens(str(folder)) == f"vocab.txt {said}"
    for name, vocabulary in (("mapping", '{"好": 1, "差": 2, "好": 3}'), ("list", '[["好", 0], ["差", 1], ["好", 2]]')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tokenizer.json").write_text(f'{{"model": {{"vocab": {vocabulary}}}}}', encoding="utf-8")
        assert repeated_tokens(str(tmp_path / name)) == f"tokenizer.json {said}"
    assert repeated_tokens("nobody/nothing") is None


def test_a_folder_without_a_model_is_not_read(tmp_path: Path) -> None:
    for folder in ("/", str(tmp_path)):
        with pytest.raises(BadInput, match=r"the folder has no config\.json; use the folder of a model"):
            source_key(folder)


def test_a_pipe_among_the_files_of_a_model_is_not_opened(tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    (folder / "model.safetensors").unlink()
    os.mkfifo(folder / "model.safetensors")
    with pytest.raises(BadInput, match=r"model\.safetensors: is a named pipe; use a regular file"):
        load_teacher(str(folder), ["neg", "pos"], tmp_path)
