"""Writes what the app would have from elsewhere: two ONNX files, a tokenizer, test rows, and the manifest by hand."""

import json
import random
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

FOLDER = Path("models")
GOOD, BAD, DULL = ["好", "妙", "赞"], ["差", "坏", "糟"], ["这", "本", "书", "酒", "店", "很"]
VOCABULARY = ["[PAD]", "[UNK]", *GOOD, *BAD, *DULL]
WIDTH = 64


def write_model(path: Path, layers: int) -> None:
    """Counts good words against bad ones; as many matrix products as it has layers work beside it."""
    table = np.zeros((len(VOCABULARY), WIDTH), dtype=np.float32)
    for column, words in enumerate((BAD, GOOD)):
        for word in words:
            table[VOCABULARY.index(word), column] = 1
    square = np.random.default_rng(0).normal(size=(WIDTH, WIDTH)).astype(np.float32) / WIDTH
    weights = {
        "embeddings": table,
        "square": square,
        "nil": np.float32(0),
        "classifier": np.eye(WIDTH, 2, dtype=np.float32),
    }
    nodes = [helper.make_node("Gather", ["embeddings", "input_ids"], ["hidden0"])]
    for layer in range(layers):
        nodes.append(helper.make_node("MatMul", [f"hidden{layer}", "square"], [f"hidden{layer + 1}"]))
    nodes += [
        helper.make_node("Mul", [f"hidden{layers}", "nil"], ["nothing"]),
        helper.make_node("Add", ["hidden0", "nothing"], ["kept"]),
        helper.make_node("ReduceMean", ["kept"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["mean", "classifier"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["rows", "tokens"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", 2])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))


def write_rows(path: Path) -> None:
    """200 rows with one telling word each; `label` counts in the order of the manifest's labels."""
    draw = random.Random(1)
    labels = [row % 2 for row in range(200)]
    words = [[*draw.choices(DULL, k=6), draw.choice((BAD, GOOD)[label])] for label in labels]
    rows = [{"text": " ".join(row), "label": label} for row, label in zip(words, labels, strict=True)]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    write_model(FOLDER / "teacher.onnx", layers=400)
    write_model(FOLDER / "student.onnx", layers=8)
    write_rows(FOLDER / "test.jsonl")
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.save(str(FOLDER / "tokenizer.json"))
    manifest = {
        "schema": 1,
        "recipe": "reviews",
        "task": {"kind": "classification", "labels": ["neg", "pos"], "max_length": 64, "test": "test.jsonl"},
        "reference": "teacher.onnx",
        "artifacts": [
            {"id": name, "role": role, "runtime": "onnxruntime", "path": name, "tokenizer": "tokenizer.json"}
            for name, role in (("teacher.onnx", "reference"), ("student.onnx", "ship"))
        ],
    }
    (FOLDER / "manifest.json").write_text(json.dumps(manifest, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
