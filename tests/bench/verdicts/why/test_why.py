"""A planted slow-down or growth is found where it was planted."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from pocketbert.bench.measuring.pairs import Side
from pocketbert.bench.records.results import Changed, Results, Verdict, Why
from pocketbert.bench.report.sections.why import summary
from pocketbert.bench.verdicts.why import explain
from pocketbert.bench.verdicts.why.case import Sides
from pocketbert.bench.workers import inside
from pocketbert.bench.workers.file import File
from tests.support.manifests import Build, write_onnx

Look = Callable[[Sides | None, str], Why]


@pytest.fixture
def look(weighed: Results) -> Look:
    """Looks into `small` after a red verdict on that metric."""

    def run(sides: Sides | None, metric: str) -> Why:
        place = "mobile-1t/128" if metric == "latency" else None
        red = Verdict(
            metric=metric,
            artifact="small",
            profile=place,
            outcome="regressed",
            gated=True,
            baseline=1.0,
            measured=1.2,
            interval=None,
            threshold=0.05,
            message="",
        )
        fine = red.model_copy(update={"artifact": "other", "outcome": "ok"})
        versions = {**weighed.machine.versions, "onnxruntime": "1.0"}
        [why] = explain([fine, red], weighed, {"small": sides} if sides else {}, versions)
        return why

    return run


@pytest.fixture
def side(tmp_path: Path) -> Callable[[str, Build], Side]:
    """A file with the words that it is asked."""

    def write(name: str, build: Build) -> Side:
        write_onnx(tmp_path / name, build)
        return Side(File("onnxruntime", tmp_path / name), {"128": [[1, 2, 3] * 10] * 30})

    return write


def by_name(why: Why, kind: str) -> dict[str, Changed]:
    return {change.what: change for change in why.evidence.get(kind, [])}


def test_more_nodes_of_a_kind(look: Look, side: Callable[[str, Build], Side]) -> None:
    why = look((side("was", Build(work=8)), side("now", Build(work=60))), "latency")
    assert why.metrics == ["latency"]
    first = why.evidence["operators"][0]
    assert first.what == "MatMul"
    assert (first.was.split(" × ")[0], first.now.split(" × ")[0]) == ("8", "60")  # one more is fused with its scale
    assert first.cost
    assert first.cost > 0
    assert "tensors" not in why.evidence  # the same weight is multiplied more often


def test_an_operator_that_appeared_and_one_that_vanished(look: Look, side: Callable[[str, Build], Side]) -> None:
    was, now = side("was", Build()), side("now", Build())
    model = onnx.load(str(now.file.path))
    last = model.graph.node[-1]
    assert last.op_type == "Identity"
    last.op_type = "Erf"
    onnx.save(model, str(now.file.path))
    found = by_name(look((was, now), "latency"), "operators")
    assert found["Erf"].was == ""
    assert found["Erf"].now.startswith("1 × ")
    gone = by_name(look((now, was), "latency"), "operators")
    assert gone["Erf"].now == ""


def test_the_same_file_twice_has_no_operator_to_show(look: Look, side: Callable[[str, Build], Side]) -> None:
    was = side("was", Build(work=60))
    nodes = by_name(look((was, was), "latency"), "operators").values()
    assert all(change.was and change.now for change in nodes)  # noise may slow a kind, it makes none


def test_operators_without_times_are_told_by_their_number(
    look: Look, side: Callable[[str, Build], Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    was = {kind: inside.Operator(kind, count, None) for kind, count in {"ADD": 2, "MUL": 1}.items()}
    now = {kind: inside.Operator(kind, count, None) for kind, count in {"ADD": 3, "MUL": 1, "CAST": 1}.items()}
    monkeypatch.setattr("pocketbert.bench.verdicts.why.operators._profiled", lambda *_: (was, now))
    why = look((side("was", Build()), side("now", Build())), "latency")
    found = {name: (change.was, change.now, change.cost) for name, change in by_name(why, "operators").items()}
    assert found == {"ADD": ("2", "3", None), "CAST": ("", "1", None)}
    assert "ADD 2 → 3, CAST new, 1" in summary(why)


def test_a_tensor_that_grew(look: Look, side: Callable[[str, Build], Side], tmp_path: Path) -> None:
    was = side("was", Build())
    model = onnx.load(str(was.file.path))
    table = next(t for t in model.graph.initializer if t.name == "table")
    wide = np.concatenate([numpy_helper.to_array(table)] * 3)
    table.CopyFrom(numpy_helper.from_array(wide, "table"))
    onnx.save(model, str(tmp_path / "now"))
    why = look((was, Side(File("onnxruntime", tmp_path / "now"), was.requests)), "size")
    [change] = why.evidence["tensors"]
    assert (change.what, change.was, change.now) == ("table", "float32 32×64", "float32 96×64")
    assert (change.cost, change.unit) == (64 * 64 * 4, "bytes")
    assert "operators: latency did not regress" in why.silent


def test_a_tensor_that_is_float_again(look: Look, side: Callable[[str, Build], Side], tmp_path: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    now = side("now", Build(work=2))
    quantize_dynamic(now.file.path, tmp_path / "was", weight_type=QuantType.QInt8)
    why = look((Side(File("onnxruntime", tmp_path / "was"), now.requests), now), "size")
    change = by_name(why, "tensors")["square"]
    assert (change.was, change.now, change.cost) == ("int8 64×64", "float32 64×64", 3 * 64 * 64)


def test_a_tensor_of_another_type_is_told_of_though_it_takes_less(
    look: Look, side: Callable[[str, Build], Side], tmp_path: Path
) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    was = side("was", Build(work=2))
    quantize_dynamic(was.file.path, tmp_path / "now", weight_type=QuantType.QInt8)
    sides = was, Side(File("onnxruntime", tmp_path / "now"), was.requests)
    change = by_name(look(sides, "latency"), "tensors")["square"]
    assert (change.was, change.now) == ("float32 64×64", "int8 64×64")
    assert "square" not in by_name(look(sides, "size"), "tensors"), "what shrank has made nothing larger"


def test_bytes_that_are_in_no_tensor(look: Look, side: Callable[[str, Build], Side]) -> None:
    why = look((side("was", Build()), side("now", Build(padding_bytes=5000))), "size")
    [change] = why.evidence["tensors"]
    assert change.what == "outside of tensors"
    assert change.cost == pytest.approx(10_000, abs=10)


def test_libraries_that_moved(look: Look, side: Callable[[str, Build], Side], weighed: Results) -> None:
    was = side("was", Build())
    [change] = look((was, was), "size").evidence["libraries"]
    assert (change.what, change.was, change.now) == ("onnxruntime", "1.0", weighed.machine.versions["onnxruntime"])


def test_what_cannot_be_had_is_said(look: Look, side: Callable[[str, Build], Side]) -> None:
    why = look(None, "latency")
    assert why.silent == [f"{kind}: the baseline's file is not available" for kind in ("operators", "tensors")]
    assert summary(why.model_copy(update={"evidence": {}})) == f"not looked into: {'; '.join(why.silent)}"
    was = side("was", Build())
    other = Side(File("torch", was.file.path), was.requests)
    said = "tensors: the baseline's file is for torch, the new file for onnxruntime"
    assert look((other, was), "size").silent[1] == said
    broken = Side(File("onnxruntime", was.file.path.with_name("nothing")), was.requests)
    words = look((was, broken), "latency").silent
    assert words[0].startswith("operators: the profiler failed: ")
    assert words[1] == "tensors: the tensors of nothing cannot be read"


def test_each_side_runs_under_its_own_interpreter(
    look: Look, side: Callable[[str, Build], Side], tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho run >> {tmp_path}/marks\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    now = side("now", Build())
    other = replace(now, python=str(python))
    assert not look((other, now), "latency").silent
    assert (tmp_path / "marks").read_text().count("run") == 1


def test_pytorch_has_a_profile_too(tmp_path: Path) -> None:
    from transformers import BertConfig, BertForSequenceClassification

    shape = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64}
    BertForSequenceClassification(BertConfig(vocab_size=32, num_labels=2, **shape)).save_pretrained(tmp_path)
    ids = np.ones((1, 8), dtype=np.int64)
    found = inside.profile(File("torch", tmp_path), 1, [{"input_ids": ids, "attention_mask": ids}] * 4)
    nodes = {operator.name: operator.nodes for operator in found or []}
    assert nodes["aten::addmm"] == 3 * 6 + 2
