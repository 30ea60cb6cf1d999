"""Rounding in training: the same numbers as the exported file's, gradients, the steps that round, and resuming."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from safetensors.torch import load_file
from torch import Tensor, nn

from pocketbert.compress.exports.onnx import export
from pocketbert.compress.models import rounding
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.stages.distill import Parameters
from pocketbert.compress.tasks.inputs import Inputs
from pocketbert.compress.training import trainer
from pocketbert.compress.training.distillation.distil import distil
from pocketbert.compress.training.forward import fake_quant
from pocketbert.compress.training.forward.fake_quant import (
    FakeQuant,
    fake_quantized,
    round_activations,
    round_outputs,
    round_rows,
)
from tests.support.models import context_of, rows_of, write_any_model

PRECISIONS = ("int8", "int4")


def matrices(seed: int = 0) -> list[Tensor]:
    """Ordinary values, tiny ones, rows of zeros, one large value, and ties between two integers."""
    draw = torch.Generator().manual_seed(seed)
    plain = torch.randn((40, 24), generator=draw)
    spread = plain * torch.logspace(-12, 3, 40)[:, None]
    zeros, outlier, ties = plain.clone(), plain.clone(), torch.arange(-12.0, 12.0).repeat(40, 1) / 2
    zeros[3] = 0.0
    outlier[5, 7] = 300.0
    ties[:, 0] = 64.0
    return [plain, spread, zeros, outlier, ties, torch.zeros(2, 3), torch.full((2, 3), 1e-40)]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_tensors_are_rounded_as_the_exporter_rounds_arrays(precision: str) -> None:
    for matrix in matrices():
        integers, scales = rounding.round_rows(matrix.numpy(), precision)
        assert np.array_equal(round_rows(matrix, precision).numpy(), integers.astype(np.float32) * scales)
        integers, exact = rounding.round_outputs(matrix.numpy(), precision)
        assert np.array_equal(round_outputs(matrix, precision).numpy(), integers * exact)


def stored(file: Path) -> list[np.ndarray]:
    """Every matrix of integers in a graph times its scales, as the file's runtime reads them."""
    graph = onnx.load(file).graph
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    found = []
    for name, array in arrays.items():
        scale = arrays.get(f"{name.removesuffix('_quantized').removesuffix('_int4')}_scale")
        if scale is None or array.ndim != 2 or array is scale:
            continue
        integers = array.astype(np.float32)
        if array.dtype == np.uint8:  # two values in a byte, half a row apart
            integers = np.concatenate([array & 15, array >> 4], axis=1).astype(np.float32) - 8
        scales = scale.astype(np.float32)
        found.append(integers * (scales if scales.ndim == 2 else scales[None, :]))
    return found


@pytest.mark.parametrize("hidden", [64, 75])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_training_rounds_to_what_the_onnx_file_stores(tmp_path: Path, precision: str, hidden: int) -> None:
    """Every linear layer and every matrix that is looked up, to the bit; the file stores linear layers transposed."""
    heads = 4 if hidden == 64 else 5  # an odd width: embeddings stay INT8
    sizes = {"hidden_size": hidden, "num_attention_heads": heads}
    model = load_classifier(write_any_model(tmp_path, "bert", vocab_size=80, **sizes))
    export(model, tmp_path / "x.onnx", precision)
    in_file = stored(tmp_path / "x.onnx")
    modules = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear | nn.Embedding)}
    del modules["bert.embeddings.token_type_embeddings"]  # of single texts a constant
    assert len(in_file) == len(modules) == 4 * 6 + 2 + 2
    levels = set()
    with fake_quantized(model, precision), torch.no_grad():
        for name, module in modules.items():
            if isinstance(module, nn.Embedding):
                ours = module(torch.arange(module.num_embeddings)).numpy()
            else:
                ours = round_outputs(module.weight, rounding.stored_precision(module.weight.numel(), precision)).numpy()
            levels.add(max(len(np.unique(row)) for row in ours) > 15)
            assert any(np.array_equal(ours, theirs) or np.array_equal(ours.T, theirs) for theirs in in_file), name
    assert levels == ({True} if precision == "int8" else {True, False}), "the head's few weights stay INT8"


def test_activations_are_rounded_text_by_text_as_onnx_runtime_does(tmp_path: Path) -> None:
    from onnxruntime import InferenceSession

    node = onnx.helper.make_node("DynamicQuantizeLinear", ["x"], ["y", "scale", "zero"])
    back = onnx.helper.make_node("DequantizeLinear", ["y", "scale", "zero"], ["rounded"])
    given, found = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, None]) for name in ("x", "rounded")
    )
    graph = onnx.helper.make_graph([node, back], "x", [given], [found])
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=9), tmp_path / "x.onnx")
    session = InferenceSession(tmp_path / "x.onnx")
    texts = (
        torch.randn((5, 7, 16), generator=torch.Generator().manual_seed(1)) * torch.logspace(-3, 2, 5)[:, None, None]
    )
    texts[3].abs_()
    texts[4] = 0.0
    rounded = round_activations(texts)
    for text, ours in zip(texts, rounded, strict=True):
        [theirs] = session.run(None, {"x": text.numpy()})
        assert np.array_equal(ours.numpy(), theirs)


@pytest.mark.parametrize("family", ["bert", "mobilebert"])
def test_padding_does_not_change_how_a_text_is_rounded(tmp_path: Path, family: str) -> None:
    """An app asks one text at a time; in a batch, a short text stands between others and is padded."""
    model = load_classifier(write_any_model(tmp_path, family, normalization_type="layer_norm")).eval()
    inputs = Inputs([[2, 5, 3], [2, *range(4, 28), 3]], 0)
    with fake_quantized(model, "int8"), torch.no_grad():
        together = model(**inputs.tensors([0, 1])).logits
        alone = torch.cat([model(**inputs.tensors([row])).logits for row in (0, 1)])
    assert torch.allclose(together, alone, rtol=0, atol=1e-6)


class Net(nn.Module):
    """A lookup and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.out = nn.Embedding(9, 6), nn.Linear(6, 3)

    def forward(self, ids: Tensor) -> Tensor:
        found: Tensor = self.out(self.words(ids).mean(dim=1))
        return found


IDS = torch.tensor([[1, 2], [3, 4]])


def test_gradients_pass_the_rounding_as_if_it_were_not_there() -> None:
    """Of the linear layer's weight: the outer product with its rounded input. Of the rest: what no rounding gives."""
    torch.manual_seed(0)
    plain, net = Net(), Net()
    net.load_state_dict(plain.state_dict())
    with fake_quantized(net, "int8") as switch:
        switch.active = True
        hidden = round_activations(round_rows(net.words(IDS), "int8").mean(dim=1))
        net(IDS).sum().backward()
    weight = round_outputs(plain.out.weight, "int8")
    assert torch.allclose(net.out.weight.grad, hidden.sum(dim=0).expand(3, -1))
    assert torch.allclose(net.words.weight.grad[1], weight.sum(dim=0) / 2)
    assert not net.words.weight.grad[0].any()


@pytest.mark.parametrize("fails", [False, True])
def test_a_model_keeps_names_and_floats(fails: bool) -> None:
    torch.manual_seed(0)
    net = Net().eval()
    before, exact = {name: weight.clone() for name, weight in net.state_dict().items()}, net(IDS)
    with suppress(KeyboardInterrupt), fake_quantized(net, "int4"):
        assert not torch.equal(net(IDS), exact)
        assert list(net.state_dict()) == list(before)
        if fails:
            raise KeyboardInterrupt
    assert all(torch.equal(weight, before[name]) for name, weight in net.state_dict().items())
    assert torch.equal(net(IDS), exact)
    assert not any("forward" in vars(module) for module in net.modules())


def test_training_rounds_in_its_second_half_and_evaluation_always() -> None:
    torch.manual_seed(0)
    net = Net()
    exact = net(IDS)
    state = type("State", (), {"global_step": 0, "max_steps": 5})
    found = []
    with fake_quantized(net, "int4") as switch:
        for step in range(5):
            state.global_step = step
            switch.on_step_begin(None, state, None)
            found.append(not torch.equal(net.train()(IDS), exact))
            assert not torch.equal(net.eval()(IDS), exact)
    assert found == [False, False, False, True, True]


def texts(count: int = 48) -> Any:
    draw = np.random.default_rng(0)
    sequences = [[2, *draw.integers(4, 20, 6).tolist(), 3] for _ in range(count)]
    return rows_of(sequences, [sequence[1] % 2 for sequence in sequences])


class Killed(FakeQuant):
    """Stops a training once, at its fifth of six steps; the fourth has rounded."""

    def on_step_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        super().on_step_begin(args, state, control, **more)
        marker = Path(args.output_dir, "killed")
        if state.global_step == 4 and not marker.exists():
            marker.touch()
            raise KeyboardInterrupt


def distilled(model: Path, scratch: Path, **settings: Any) -> dict[str, Tensor]:
    """The weights of a student after six steps on labels."""
    student = load_classifier(model)
    teacher: Any = type("Teacher", (), {"seconds_computing": 0.0, "seconds_cached": 0.0})
    parameters = Parameters.model_validate(
        {"student": {"init": "current"}, "alpha": 1, "batch_size": 16, "learning_rate": 1e-3, "epochs": 2} | settings
    )
    distil(student, context_of(texts(), scratch, teacher=teacher), parameters, "x")
    return {name: weight.clone() for name, weight in student.state_dict().items()}


def test_a_trained_student_has_the_weights_that_were_trained(tmp_path: Path) -> None:
    """The rounded ones: the float weights next to them were in no forward pass. The INT4 file has the same weights."""
    folder = write_any_model(tmp_path, "bert", hidden_size=64, vocab_size=80)
    plain = distilled(folder, tmp_path / "plain", epochs=1)
    trained = distilled(folder, tmp_path / "trained", epochs=1, fake_quant="int4")
    for name, round_, precision in (
        ("bert.encoder.layer.0.attention.self.query.weight", round_outputs, "int4"),
        ("bert.embeddings.word_embeddings.weight", round_rows, "int4"),
        ("classifier.weight", round_outputs, "int8"),  # few weights stay INT8 in an INT4 file
    ):
        torch.testing.assert_close(trained[name], round_(trained[name], precision), rtol=1e-6, atol=0.0)
        assert not torch.allclose(plain[name], round_(plain[name], precision), rtol=1e-3)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_rounded_weights_round_to_themselves(precision: str) -> None:
    for matrix in matrices():
        once = round_rows(matrix, precision)
        assert torch.equal(round_rows(once, precision), once)
        once = round_outputs(matrix, precision)
        torch.testing.assert_close(round_outputs(once, precision), once, rtol=1e-6, atol=0.0)


@pytest.mark.parametrize("bf16", [False, True])
def test_a_student_is_trained_otherwise_and_stored_like_any_student(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bf16: bool
) -> None:
    monkeypatch.setattr(trainer, "has_bf16", lambda: bf16)
    monkeypatch.setattr(trainer, "_SAVE_EVERY", 0.0)
    settings = {"epochs": 1, "batch_size": 8}
    plain = distilled(tiny_model, tmp_path / "a", **settings)
    trained = distilled(tiny_model, tmp_path / "b", fake_quant="int4", **settings)
    assert list(trained) == list(plain)
    [kept] = (tmp_path / "b").glob("checkpoint-*")
    assert set(load_file(kept / "model.safetensors")) == set(plain)
    assert not torch.equal(trained["classifier.weight"], plain["classifier.weight"])


def test_a_killed_training_goes_on_rounding_where_it_was(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"fake_quant": "int4", "epochs": 1, "batch_size": 8}
    whole = distilled(tiny_model, tmp_path / "whole", **settings)
    monkeypatch.setattr(trainer, "_SAVE_EVERY", 0.0)
    monkeypatch.setattr(fake_quant, "FakeQuant", Killed)
    with pytest.raises(KeyboardInterrupt):
        distilled(tiny_model, tmp_path / "killed", **settings)
    again = distilled(tiny_model, tmp_path / "killed", **settings)
    assert all(torch.equal(again[name], whole[name]) for name in whole)


def test_aligned_students_round_too(tiny_model: Path, tmp_path: Path) -> None:
    """The projections of the alignment are no part of the student: they stay float."""
    from pocketbert.compress.training.distillation.aligner import Aligned, Aligner
    from pocketbert.compress.training.distillation.alignment import terms

    student = load_classifier(tiny_model)
    narrow = type(student.config)(**(student.config.to_dict() | {"hidden_size": 16}))
    aligned = Aligned(student, Aligner(terms("tinybert", (), 4, 4), student.config, narrow))
    with fake_quantized(student, "int4"):
        assert "forward" in vars(student.classifier)
        assert not any("forward" in vars(module) for module in aligned.aligner.modules())


def test_rows_without_padding_do_not_change_each_other(tiny_model: Path) -> None:
    """What an app gets for one text is what training computes for it in a batch."""
    model = load_classifier(tiny_model)
    inputs = Inputs([[2, 5, 6, 3], [2, 9, 14, 3]], 0)
    with fake_quantized(model, "int4"), torch.no_grad():
        together = model(**inputs.tensors([0, 1])).logits
        alone = torch.cat([model(**inputs.tensors([row])).logits for row in (0, 1)])
    assert torch.allclose(together, alone, atol=1e-6)
