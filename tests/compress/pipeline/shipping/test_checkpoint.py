"""``pocketbert export``: one file of any checkpoint, held against it; what cannot be exported is one line."""

import errno
import json
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.exports import onnx as onnx_export
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pipeline.shipping.checkpoint import Asked, Exported, ExportFailed, export_checkpoint, target
from pocketbert.compress.pipeline.shipping.sample import random_rows
from pocketbert.compress.pruning.surgery import without
from pocketbert.compress.runtimes import open_session
from pocketbert.compress.runtimes.torch import TorchSession
from pocketbert.compress.tasks.inputs import pad, predict
from tests.support.commands import command, pocketbert
from tests.support.exports import turning_labels
from tests.support.models import BAD, FILLER, GOOD, write_any_model, write_tiny_model

SINGLE, PAIRS = Asked(), Asked(pairs=True)
BATCH = pad([[2, 5, 6, 7, 3], [2, 9, 10, 11, 12, 13, 14, 3]], 0, [[0, 0, 0, 1, 1], [0, 0, 0, 0, 1, 1, 1, 1]])


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of pocketbert's own, with its tokenizer."""
    plain = write_tiny_model(tmp_path_factory.mktemp("hub") / "plain", initializer_range=0.2)
    folder = plain.with_name("uneven")
    without(load_classifier(plain), {0: [1], 1: range(4)}, {2: range(64)}).save_pretrained(folder)
    for file in plain.glob("tokenizer*"):
        shutil.copy(file, folder)
    return folder


def export(checkpoint: Path, path: Path, precision: str = "fp32", asked: Asked = SINGLE) -> Exported:
    with Progress() as progress:
        return export_checkpoint(str(checkpoint), "onnx", precision, path, asked, progress)


def test_the_command_says_what_it_wrote(
    uneven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("export", uneven, "--format", "onnx", "--precision", "int8")
    assert command(monkeypatch, *words) == 0
    difference, agreement, trivial, worth, file = capsys.readouterr().out.splitlines()
    assert ", of logits up to " in difference
    assert difference.endswith("on 40 rows of random token ids, 2 to 64 tokens, padded")
    assert agreement.startswith("label agreement 100.0 % of 40 predictions, needed 95.0 % (--min-agreement): LABEL_0 ")
    assert trivial.startswith("the checkpoint predicts LABEL_")
    assert worth.startswith("random token ids are no texts: measure the agreement on your own with --texts FILE")
    assert file.startswith("uneven-int8.onnx: 0.")
    assert file.endswith("MB, reads input_ids, attention_mask; tokenizer.json is next to it")
    assert {path.name for path in tmp_path.iterdir()} == {"uneven-int8.onnx", "tokenizer.json"}
    assert json.loads((tmp_path / "tokenizer.json").read_text()) == json.loads((uneven / "tokenizer.json").read_text())
    assert command(monkeypatch, *words) == 2
    refused = "pocketbert: uneven-int8.onnx exists; remove it, or choose another name with --output\n"
    assert capsys.readouterr().err == refused


def test_a_file_for_an_npu_is_calibrated_on_the_users_texts(uneven: Path, tmp_path: Path) -> None:
    path, asked = tmp_path / "m.qdq.onnx", Asked(lengths=(16,))
    (tmp_path / "texts.txt").write_text("\n".join([GOOD, BAD, GOOD + FILLER]), encoding="utf-8")
    with Progress() as progress:
        with pytest.raises(
            BadInput, match=r"^--format onnx-qdq: its activations are calibrated on texts like those of"
        ):
            export_checkpoint(str(uneven), "onnx-qdq", "int8", path, asked, progress)
        asked = asked._replace(texts=tmp_path / "texts.txt")
        done = export_checkpoint(str(uneven), "onnx-qdq", "int8", path, asked, progress)
    assert done.notes[0].startswith("made for NPUs")
    assert done.parity.rows == 3
    with pytest.raises(
        BadInput, match=r"^--length 32: a file of onnx-qdq takes texts of one length; export it once for"
    ):
        target("m", "onnx-qdq", "int8", None, (16, 32))
    with pytest.raises(BadInput, match=r"a name ending in \.qdq\.onnx$"):
        target("m", "onnx-qdq", "int8", tmp_path / "other.onnx", (16,))
    assert target("m", "onnx-qdq", "int8", None, (16,)).name == "m-int8.qdq.onnx"


def test_into_its_own_folder_and_beside_an_older_tokenizer(uneven: Path, tmp_path: Path) -> None:
    """The same tokenizer as compact JSON, which an older library wrote."""
    folder = tmp_path / "model"
    shutil.copytree(uneven, folder)
    own = folder / "tokenizer.json"
    own.write_text(json.dumps(json.loads(own.read_text(encoding="utf-8"))), encoding="utf-8")
    before = own.read_bytes()
    assert export(folder, folder / "here.onnx").path.exists()
    assert own.read_bytes() == before
    (tmp_path / "out").mkdir()
    (tmp_path / "out/tokenizer.json").write_bytes(before)
    assert export(folder, tmp_path / "out/there.onnx").path.exists()


def test_a_regression_in_thousands(uneven: Path, tmp_path: Path) -> None:
    model = load_classifier(write_tiny_model(tmp_path / "price", num_labels=1, initializer_range=0.2))
    with torch.no_grad():
        model.classifier.weight.mul_(3e4)
    model.save_pretrained(tmp_path / "price")
    done = export(tmp_path / "price", tmp_path / "price.onnx")
    assert done.parity.largest > 1e3
    difference, agreement, _ = done.compared[1:]
    assert difference.startswith("score difference: mean ")
    assert agreement == (
        "score agreement 100.0 % (R² against the checkpoint's scores), needed 99.9 % (--min-agreement)"
    )


def test_a_regression_whose_scores_change_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of 8 bits has no limit on a logit, and one label always agrees with itself."""
    folder = write_tiny_model(tmp_path / "price", num_labels=1, initializer_range=0.2)
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join([*GOOD, *BAD, *FILLER]) + "\n", encoding="utf-8")
    monkeypatch.setattr(onnx_export, "export", turning_labels(onnx_export.export))
    with pytest.raises(
        ExportFailed, match=r"only 0\.0 % of the source's variance \(R²\), needed 95\.0 %; it was not kept$"
    ):
        export(folder, tmp_path / "out/m.onnx", "int8", Asked(texts=texts))
    assert not list((tmp_path / "out").iterdir())
    assert export(folder, tmp_path / "out/m.onnx", "int8", Asked(texts=texts, min_agreement=0.0)).path.exists()


def test_of_pairs_the_file_declares_token_types(uneven: Path, tmp_path: Path) -> None:
    done = export(uneven, tmp_path / "pairs.onnx", asked=PAIRS)
    assert done.inputs == ("input_ids", "attention_mask", "token_type_ids")
    assert done.parity.max_abs_logit < 1e-5
    expected = open_session("torch", uneven, 1).logits(BATCH)
    assert np.abs(open_session("onnxruntime", done.path, 1).logits(BATCH) - expected).max() < 1e-5
    export(uneven, tmp_path / "texts.onnx")
    assert np.abs(open_session("onnxruntime", tmp_path / "texts.onnx", 1).logits(BATCH) - expected).max() > 1e-3


def test_a_tagger_is_compared_token_by_token(uneven: Path, tmp_path: Path) -> None:
    folder = write_any_model(tmp_path, "roberta", token_level=True, pad_token_id=0)
    for file in uneven.glob("tokenizer*"):
        shutil.copy(file, folder)
    done = export(folder, tmp_path / "out/tagger.onnx", asked=PAIRS)
    assert done.parity.rows > 32
    assert done.inputs == ("input_ids", "attention_mask"), "RoBERTa tells texts apart by separators"
    assert done.parity.label_agreement == 1.0


def test_a_file_that_answers_otherwise_is_not_kept(
    uneven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, other = onnx_export.export, load_classifier(write_any_model(tmp_path / "hub", "bert"))
    monkeypatch.setattr(onnx_export, "export", lambda model, *more: write(other, *more))
    (tmp_path / "out").mkdir()
    with pytest.raises(ExportFailed, match=r"m\.onnx: a logit differs by .*; first in .*; it was not kept"):
        export(uneven, tmp_path / "out/m.onnx")

    def broken(_: object, path: Path, *more: object) -> None:
        path.write_bytes(b"half a graph")
        raise RuntimeError("no room\nfor the rest")

    monkeypatch.setattr(onnx_export, "export", broken)
    with pytest.raises(ExportFailed, match=r"m\.onnx: RuntimeError: no room; first in the embeddings or the head$"):
        export(uneven, tmp_path / "out/m.onnx")
    assert not list((tmp_path / "out").iterdir())


def test_int8_that_loses_answers_is_not_kept_unless_the_user_says_so(
    uneven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_export, "export", turning_labels(onnx_export.export))
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join([*GOOD, *BAD, *FILLER]) + "\n", encoding="utf-8")
    (tmp_path / "out").mkdir()
    with pytest.raises(ExportFailed, match=r"keep their label, needed 95\.0 %; it was not kept \(a recipe ") as lost:
        export(uneven, tmp_path / "out/m.onnx", "int8", Asked(texts=texts))
    assert not list((tmp_path / "out").iterdir())
    difference, agreement, *_ = lost.value.compared
    assert difference.endswith(f"on 26 texts of {texts}, 3 to 3 tokens, padded")
    assert ", needed 95.0 % (--min-agreement): LABEL_" in agreement
    kept = export(uneven, tmp_path / "out/m.onnx", "int8", Asked(texts=texts, min_agreement=0.0))
    assert kept.path.exists()
    assert ", needed 0.0 % (--min-agreement): LABEL_" in kept.compared[1]


def test_a_tagger_that_keeps_its_labels_but_no_entity_is_not_kept(
    uneven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tags = {0: "O", 1: "B-PER"}
    folder = write_any_model(tmp_path, "bert", True, vocab_size=30, id2label=tags, label2id={"O": 0, "B-PER": 1})
    for file in uneven.glob("tokenizer*"):
        shutil.copy(file, folder)
    model = load_classifier(folder)
    with torch.no_grad():  # so that O is right for 98 words of 100
        logits = predict(TorchSession(model).logits, random_rows(model.config, 40, types=False, longest=64))
        model.classifier.bias[0] += float(np.quantile(logits[:, 1] - logits[:, 0], 0.98))
    model.save_pretrained(folder)
    assert (export(folder, tmp_path / "good/m.onnx").parity.entity_agreement or 0) > 0.95
    write = onnx_export.export

    def shy(model: Any, *more: Any) -> str | None:
        without_entities = deepcopy(model)
        with torch.no_grad():
            without_entities.classifier.bias[0] += 100
        return write(without_entities, *more)

    monkeypatch.setattr(onnx_export, "export", shy)
    with pytest.raises(
        ExportFailed, match=r"only 0\.0 % of entities are the source's \(F1\), needed 95\.0 %; it was not"
    ) as lost:
        export(folder, tmp_path / "bad/m.onnx", "int8")
    labels, entities = lost.value.compared[1:3]
    assert float(labels.removeprefix("label agreement ").partition("%")[0]) > 95
    assert entities.startswith("entity agreement 0.0 % (F1 against the checkpoint's), needed 95.0 %")


def test_the_smallest_agreement_is_a_fraction(uneven: Path, tmp_path: Path) -> None:
    for given, said in [(95.0, "expected a fraction from 0 to 1; did you mean 0.95"), (float("nan"), "from 0 to 1$")]:
        with pytest.raises(BadInput, match=f"--min-agreement .*: .*{said}"):
            export(uneven, tmp_path / "m.onnx", "int8", Asked(min_agreement=given))


def test_refusals_are_one_line(uneven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for asked, said in [
        (("onx", "fp32", None), r"--format: unknown 'onx', did you mean 'onnx'\? \(expected one of: "),
        (("torch", "int4", None), r"--precision int4: allowed for torch: fp32, fp16, int8; formats with int4: onnx, "),
        (("onnx", "fp32", tmp_path / "m.bin"), r"m\.bin: expected for onnx: a name ending in \.onnx"),
        (("litert", "int8", None), "^--length: litert takes texts of fixed lengths; name them, such as 32 and 128$"),
        (("onnx", "int8", None, (32,)), "^--length 32: onnx takes texts of any length; remove it$"),
        (("litert", "int8", None, (9, 8)), r"^--length 9 --length 8: expected in increasing order: \[8, 9\]$"),
    ]:
        with pytest.raises(BadInput, match=said):
            target("any", *asked)
    assert target("someone/their-model", "onnx", "fp32", None) == Path("their-model-fp32.onnx")
    with pytest.raises(BadInput, match="not a local folder, and not available from Hugging Face Hub"):
        export(tmp_path / "none", tmp_path / "m.onnx")
    headless = shutil.copytree(uneven, tmp_path / "headless")
    for change, said in [
        ({"architectures": ["BertForMaskedLM"]}, "is a BertForMaskedLM; expected: a sequence or token classifier"),
        ({"problem_type": "multi_label_classification"}, "its head predicts any number of labels at once"),
        ({"model_type": "distilbert"}, "a distilbert model cannot be exported; allowed: bert, roberta, electra, ernie"),
    ]:
        config = json.loads((uneven / "config.json").read_text()) | change
        (headless / "config.json").write_text(json.dumps(config))
        with pytest.raises(BadInput, match=said):
            export(headless, tmp_path / "m.onnx")
    theirs = (uneven / "tokenizer.json").read_text(encoding="utf-8").replace("好", "嗯")
    (tmp_path / "tokenizer.json").write_text(theirs, encoding="utf-8")
    with pytest.raises(
        BadInput, match=r"belongs to another model; export into an empty folder: --output exports/m\.onnx"
    ):
        export(uneven, tmp_path / "m.onnx")
    monkeypatch.setattr("pocketbert.compress.runtimes.find_spec", lambda _: None)
    with pytest.raises(BadInput, match=r"'coreml' is not installed: pip install 'pocketbert\[coreml\]'"):
        target("any", "coreml", "int8", None)


def test_the_tokenizer_is_the_models_own_or_lies_beside_it_as_in_a_build(uneven: Path, tmp_path: Path) -> None:
    model = tmp_path / "stages/model"
    shutil.copytree(write_tiny_model(tmp_path / "plain"), model, ignore=shutil.ignore_patterns("tokenizer*", "vocab*"))
    with pytest.raises(
        BadInput, match=r"stages/model has no vocabulary; put tokenizer\.json or vocab\.txt beside the model"
    ):
        export(model, tmp_path / "m.onnx")
    (tmp_path / "stages/tokenizer").mkdir()
    for file in uneven.glob("tokenizer*"):
        shutil.copy(file, tmp_path / "stages/tokenizer")
    export(model, tmp_path / "out/m.onnx")
    assert (tmp_path / "out/tokenizer.json").read_text() == (uneven / "tokenizer.json").read_text()


def test_what_cannot_be_read_or_written_is_one_line(tmp_path: Path) -> None:
    checkpoint = write_tiny_model(tmp_path / "plain")
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInput, match=r"--output .*file/m\.onnx: .*/file is not a writable folder"):
        target(str(checkpoint), "onnx", "fp32", tmp_path / "file/m.onnx")
    config = json.loads((checkpoint / "config.json").read_text()) | {"intermediate_size": 24}
    (checkpoint / "config.json").write_text(json.dumps(config))
    with pytest.raises(
        BadInput, match=r"plain has no weights for .*, or their shape is another than config\.json says"
    ):
        export(checkpoint, tmp_path / "m.onnx")


def test_core_ml_is_worked_out_and_said_not_to_be_run(uneven: Path, tmp_path: Path) -> None:
    pytest.importorskip("coremltools")
    done = pocketbert("export", uneven, "--format", "coreml", "--precision", "fp16", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "exporting uneven-fp16.mlpackage\n"
    note, difference, *_, file = done.stdout.splitlines()
    assert note.startswith("not run here: converted")
    assert difference.endswith("on 20 rows of random token ids, 2 to 64 tokens, padded")
    assert file.startswith("uneven-fp16.mlpackage: 0.")
    assert {path.name for path in tmp_path.iterdir()} == {"uneven-fp16.mlpackage", "tokenizer.json"}


def test_a_multi_label_head_is_refused(tmp_path: Path) -> None:
    """The largest of its logits decides nothing, so neither agreement nor an app would mean anything."""
    for kind in ("multi_label_classification", "regression"):
        folder = write_tiny_model(tmp_path / kind, problem_type=kind)
        with pytest.raises(BadInput, match=rf"problem_type in config\.json is {kind}: its head predicts"):
            export(folder, tmp_path / f"{kind}.onnx")


def test_an_export_whose_tokenizer_cannot_be_written_can_be_tried_again(
    uneven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "m.onnx"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full_disk)
        with pytest.raises(OSError, match="No space left"):
            export(uneven, file)
    assert list(tmp_path.iterdir()) == []
    assert export(uneven, file).path == file
    assert file.with_name("tokenizer.json").is_file()


def full_disk(*_: object, **__: object) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")
