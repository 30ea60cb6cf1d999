"""Model folders and ONNX files: each is opened as a teacher, scored, exported and compared."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from hypothesis import strategies as st
from onnx import TensorProto, numpy_helper
from safetensors.numpy import load, save
from tokenizers import normalizers

from pocketbert.bench.workers.inside import tensors
from pocketbert.compress.base.files import digest
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.models.pretrained import load_teacher, other_normalizer, repeated_tokens
from pocketbert.compress.pipeline.evaluate import evaluate_file
from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.pipeline.shipping.checkpoint import Asked, export_checkpoint, target
from tests.fuzz.damage import ODD_FILES, PICKS, as_json, damaged, odd_file, trees
from tests.fuzz.data import LABELS, jsonl
from tests.fuzz.harness import Kind
from tests.support.manifests import write_onnx
from tests.support.models import write_tiny_model

_ONNX_EXPORTS = 16
"""One of so many models is exported to ONNX, which takes seconds; the others to a folder."""
_CONFIG: dict[str, tuple[Any, ...]] = {
    "hidden_dropout_prob": (0, 0.5, 1.0),
    "attention_probs_dropout_prob": (0.0, 1.0),
    "layer_norm_eps": (1e-12, 1e-5, 1e-45, 1.0),
    "hidden_act": ("gelu", "relu", "gelu_new", "silu", "tanh"),
    "initializer_range": (0.0, 0.02, 1e30),
    "id2label": (
        {"0": "neg", "1": "pos"},
        {"0": "pos", "1": "neg"},
        {"0": "LABEL_0", "1": "LABEL_1"},
        {"0": "0", "1": "1"},
    ),
    "pad_token_id": (0, 1, 29, None),
    "dtype": ("float32", "float16", "bfloat16", "float64", None),
    "torch_dtype": ("float32", "float16"),
    "use_cache": (True, False),
    "is_decoder": (False, True),
    "add_cross_attention": (False, True),
    "problem_type": (None, "single_label_classification", "regression", "multi_label_classification"),
    "position_embedding_type": ("absolute", "relative_key", None),
    "architectures": (["BertForSequenceClassification"], ["BertModel"], ["BertForTokenClassification"], [], None),
    "_attn_implementation": ("eager", "sdpa", "flash_attention_2"),
    "attn_implementation": ("eager", "sdpa"),
    "return_dict": (True, False),
    "use_return_dict": (False,),
    "torchscript": (False, True),
    "output_attentions": (False, True),
    "output_hidden_states": (False, True),
    "chunk_size_feed_forward": (0, 1, 7),
    "tie_word_embeddings": (True, False),
    "pruned_heads": ({}, {"0": [0]}, {"0": []}),
    "classifier_dropout": (None, 0.1, 0),
    "transformers_version": ("4.0.0", "99.0.0", ""),
    "_name_or_path": ("/etc/passwd", "../x", ""),
    "num_labels": (2,),
    "finetuning_task": ("x",),
    "max_position_embeddings": (64,),
    "quantization_config": (None,),
    "auto_map": ({}, {"AutoConfig": "evil.Config"}),
    "model_type": ("bert", "ernie", "roberta", "electra"),
    "label2id": ({"neg": 0, "pos": 1}, {}, {"pos": 0, "neg": 1}),
    "zzz": (1, "x", None, [1]),
}
_TOKENIZER_CONFIG: dict[str, tuple[Any, ...]] = {
    "do_lower_case": (True, False),
    "model_max_length": (3, 16, 512, 10**30, 1e30),
    "padding_side": ("left", "right"),
    "truncation_side": ("left", "right"),
    "tokenizer_class": ("BertTokenizer", "BertTokenizerFast", "PreTrainedTokenizerFast", "XLMRobertaTokenizer"),
    "clean_up_tokenization_spaces": (True, False),
    "pad_token": ("[PAD]", "[UNK]", "[new]", None),
    "unk_token": ("[UNK]", None),
    "chat_template": ("{{ x }}",),
    "extra_special_tokens": ([], ["[X]"], {}),
    "add_prefix_space": (True,),
    "tokenize_chinese_chars": (False, True),
    "model_input_names": (["input_ids", "attention_mask"], ["input_ids", "token_type_ids", "attention_mask"]),
    "backend": ("tokenizers",),
    "auto_map": ({},),
}
_NORMALIZERS: tuple[normalizers.Normalizer | None, ...] = (
    None, normalizers.Lowercase(), normalizers.NFKC(), normalizers.BertNormalizer(), normalizers.Strip(),
    normalizers.Replace("天", "日"), normalizers.Prepend("好"), normalizers.Sequence([]),
)  # fmt: skip
_PATTERNS = ("(a+)+$", "(a|aa)+$", "(", "(?<=a+)b", "(.*)*x", "\\p{Nothing}", "(?i)" * 50, "a{1,100000}", "(x+x+)+y")


class Files(NamedTuple):
    """Files of a model folder, name -> bytes (None: removed), or the odd one in place of the first."""

    changed: tuple[tuple[str, bytes | None], ...]
    odd: str = ""
    number: int = 1


def _headers(content: bytes) -> st.SearchStrategy[bytes]:
    """Draw safetensors files with faults in the header."""
    length = int.from_bytes(content[:8], "little")
    tree, rest = json.loads(content[8 : 8 + length]), content[8 + length :]

    def write(changed: Any) -> bytes:
        header = as_json(changed)
        return len(header).to_bytes(8, "little") + header + rest

    lengths = st.sampled_from((0, 1, 2**31, 2**63, 2**64 - 1)).map(lambda n: n.to_bytes(8, "little") + content[8:])
    return st.one_of(trees(tree).map(write), lengths, damaged(content))


@st.composite
def _patterns(draw: st.DrawFn, tree: Any) -> bytes:
    """Draw tokenizers whose regular expression has no end, or no sense."""
    pattern = {"Regex": draw(st.sampled_from(_PATTERNS))}
    part: dict[str, Any] = {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False}
    if draw(st.booleans()):
        return as_json(tree | {"pre_tokenizer": part})
    return as_json(tree | {"normalizer": {"type": "Replace", "pattern": pattern, "content": ""}})


def _settings(tree: dict[str, Any], known: dict[str, tuple[Any, ...]], pick: Any) -> bytes:
    """Give some settings another allowed value, or leave them out."""
    tree = dict(tree)
    for key in pick.sample(sorted(known), pick.choice((1, 1, 2, 3))):
        if key in tree and pick.random() < 0.15:
            del tree[key]
        else:
            tree[key] = pick.choice(known[key])
    return json.dumps(tree, indent=pick.choice((None, 2)), ensure_ascii=pick.choice((True, False))).encode()


def _weights(content: bytes, pick: Any) -> bytes:
    """Write the weights in another type, order or size, or with odd values in one of them."""
    weights = load(content)
    name = pick.choice(sorted(weights))
    match pick.choice(("type", "all types", "zero", "huge", "nan", "inf", "one", "old name", "extra", "order")):
        case "type":
            weights[name] = weights[name].astype(pick.choice((np.float16, np.float64, np.int8, np.int64)))
        case "all types":
            kind = pick.choice((np.float16, np.float64))
            weights = {key: value.astype(kind) for key, value in weights.items()}
        case "zero":
            weights[name] = np.zeros_like(weights[name])
        case "huge":
            weights[name] = weights[name] * np.float32(pick.choice((1e10, 1e30, 1e38)))
        case "nan" | "inf" as value:
            weights[name] = weights[name].copy()
            weights[name].flat[pick.randrange(weights[name].size)] = float(value)
        case "one":
            weights[name] = np.ones_like(weights[name])
        case "old name":
            weights = {key.replace("LayerNorm.weight", "LayerNorm.gamma"): value for key, value in weights.items()}
        case "extra":
            weights["zzz" if pick.random() < 0.5 else "bert.embeddings.position_ids"] = np.arange(64)[None]
        case "order":
            weights = dict(sorted(weights.items(), reverse=True))
    return save(weights, metadata=pick.choice(({"format": "pt"}, None, {"format": "pt", "x": "字"})))


def _tokenizer(tree: dict[str, Any], pick: Any) -> bytes:
    """Write the tokenizer with another normalizer, padding, truncation, frame or token."""
    tree = json.loads(json.dumps(tree))
    match pick.choice(("normalizer", "padding", "truncation", "frame", "added", "none")):
        case "normalizer":
            chosen = pick.choice(_NORMALIZERS)
            tree["normalizer"] = None if chosen is None else json.loads(chosen.__getstate__())
        case "padding":
            fields = {
                "direction": pick.choice(("Left", "Right")),
                "pad_id": pick.choice((0, 1, 29, 10**6)),
                "pad_type_id": 0,
            }
            tree["padding"] = fields | {
                "strategy": pick.choice(("BatchLongest", {"Fixed": 8})), "pad_to_multiple_of": pick.choice((None, 8)),
                "pad_token": "[PAD]",
            }  # fmt: skip
        case "truncation":
            fields = {"direction": "Right", "strategy": "LongestFirst", "stride": pick.choice((0, 1))}
            tree["truncation"] = fields | {"max_length": pick.choice((3, 4, 8, 512))}
        case "frame":
            tree["post_processor"] = None
        case "added":
            number = pick.choice((len(tree["model"]["vocab"]), 2, 10**6))
            token = {
                "id": number,
                "content": pick.choice(("[X]", "好书", " ", "\u200b")),
                "special": pick.choice((True, False)),
            }
            tree["added_tokens"].append(token | dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False))
    return json.dumps(tree, ensure_ascii=pick.choice((True, False))).encode()


def _vocabulary(tokens: list[str], pick: Any) -> bytes:
    """Write a vocab.txt as programs and people do."""
    lines = [*tokens]
    match pick.choice(("plain", "twice", "empty", "more", "spaces")):
        case "twice":
            lines[-1] = lines[-2]
        case "empty":
            lines += ["", ""]
        case "more":
            lines.append("新")
        case "spaces":
            lines[-1] += " "
    end = pick.choice(("\n", "\r\n"))
    return (pick.choice(("", "\ufeff")) + end.join(lines) + pick.choice(("", end, end * 2))).encode()


def _graph(content: bytes, pick: Any) -> bytes:
    """Write the graph with other names, notes, weights or shapes."""
    model = onnx.load_from_string(content)
    match pick.choice(("notes", "weights", "name", "rows", "output", "type", "opset", "external", "length")):
        case "notes":
            model.doc_string, model.producer_name = pick.choice(("", "location", "\x1b[31m", "字" * 999)), "x"
            model.metadata_props.add(key="location", value="../x")
        case "weights":
            tensor = pick.choice(model.graph.initializer)
            values = numpy_helper.to_array(tensor) * np.float32(pick.choice((0, -1, 1e30, 1e38, float("nan"))))
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float32), tensor.name))
        case "name":
            new = pick.choice(("ids", "attention_mask", "token_type_ids"))
            model.graph.input[0].name = model.graph.node[0].input[1] = new
        case "rows":
            model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = pick.choice((1, 2))
        case "length":
            model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = pick.choice((4, 16, 128))
        case "output":
            model.graph.output[0].name = model.graph.node[-1].output[0] = pick.choice(("output", "0", "字"))
        case "type":
            model.graph.input[0].type.tensor_type.elem_type = pick.choice((TensorProto.INT32, TensorProto.FLOAT))
        case "opset":
            model.opset_import[0].version = pick.choice((13, 17, 18, 21))
        case "external":
            tensor = model.graph.initializer[0]
            tensor.data_location = TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value=pick.choice(("weights.bin", "../x", "/etc/passwd", "")))
    found: bytes = model.SerializeToString()
    return found


@st.composite
def _right(draw: st.DrawFn, folder: Path, graph: bytes, tokens: list[str]) -> Files:
    """Draw folders that are right, or nearly."""
    pick = draw(PICKS)

    def old(name: str) -> bytes:
        return (folder / name).read_bytes()

    changed: dict[str, bytes | None] = {}
    for _ in range(pick.choice((1, 1, 2))):
        match pick.choice(("config", "config", "tokenizer settings", "weights", "tokenizer", "vocabulary", "graph")):
            case "config":
                changed["config.json"] = _settings(json.loads(old("config.json")), _CONFIG, pick)
            case "tokenizer settings":
                settings = json.loads(old("tokenizer_config.json"))
                changed["tokenizer_config.json"] = _settings(settings, _TOKENIZER_CONFIG, pick)
            case "weights":
                changed["model.safetensors"] = _weights(old("model.safetensors"), pick)
            case "tokenizer":
                changed["tokenizer.json"] = _tokenizer(json.loads(old("tokenizer.json")), pick)
            case "vocabulary":
                changed |= {"vocab.txt": _vocabulary(tokens, pick), "tokenizer.json": None}
            case "graph":
                return Files((("model.onnx", _graph(graph, pick)),))
    return Files(tuple(changed.items()), number=pick.randrange(_ONNX_EXPORTS))


def _hostile(folder: Path, graph: bytes, tokens: list[str]) -> st.SearchStrategy[Files]:
    def text(name: str) -> Any:
        return json.loads((folder / name).read_text(encoding="utf-8"))

    def named(name: str) -> Callable[[bytes], Files]:
        more = (("tokenizer.json", None),) if name == "vocab.txt" else ()
        return lambda content: Files(((name, content), *more))

    odd = st.tuples(st.sampled_from(("config.json", "model.safetensors", "tokenizer.json")), st.sampled_from(ODD_FILES))
    return st.one_of(
        *[trees(text(name)).map(as_json).map(named(name)) for name in ("config.json", "tokenizer.json", "config.json")],
        trees(text("tokenizer_config.json")).map(as_json).map(named("tokenizer_config.json")),
        damaged((folder / "config.json").read_bytes()).map(named("config.json")),
        damaged((folder / "tokenizer.json").read_bytes()).map(named("tokenizer.json")),
        _patterns(text("tokenizer.json")).map(named("tokenizer.json")),
        _headers((folder / "model.safetensors").read_bytes()).map(named("model.safetensors")),
        damaged("\n".join(tokens).encode()).map(named("vocab.txt")),
        damaged(graph).map(named("model.onnx")),
        damaged(graph).map(named("model.onnx")),
        odd.map(lambda pair: Files(((pair[0], b""),), pair[1])),
    )


def models(folder: Path) -> Kind:
    """Model folders and ONNX files of which one or two files are changed."""
    odd_files, right, place = folder / "odd", folder / "right", folder / "model"
    odd_files.mkdir(parents=True)
    write_tiny_model(right, num_hidden_layers=1)
    write_onnx(folder / "model.onnx")
    graph = (folder / "model.onnx").read_bytes()
    texts = ["好书", "差店", "a" * 60, "x" * 60 + "!"]
    rows = [{"text": text, "label": LABELS[n % 2]} for n, text in enumerate(texts * 2)]
    shutil.copytree(right, place)
    dataset = folder / "data"
    dataset.mkdir()
    for split in ("train", "validation", "test"):
        (dataset / f"{split}.jsonl").write_bytes(jsonl(rows))
    recipe = folder / "recipe.toml"
    recipe.write_text(
        f'name = "tiny"\n[task]\ndataset = "{dataset}"\nlabels = ["neg", "pos"]\nmax_length = 16\n'
        f'[teacher]\nmodel = "{right}"\nepochs = 0\n[[artifact]]\nformat = "onnx"\n',
        encoding="utf-8",
    )
    checked = load_recipe(recipe)
    (folder / "texts.txt").write_text("\n".join(texts), encoding="utf-8")
    vocabulary = json.loads((right / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)

    def read(files: Files) -> Files:
        shutil.rmtree(place)
        shutil.copytree(right, place)
        for name, content in files.changed:
            (place / name).unlink(missing_ok=True)
            if content is not None:
                (place / name).write_bytes(content)
        if files.odd:
            first = place / files.changed[0][0]
            first.unlink()
            known = files.odd not in ("long", "nul", "surrogate")
            first.symlink_to(odd_file(odd_files, files.odd, "") if known else first)
        if files.changed[0][0] == "model.onnx":
            evaluate_file(place / "model.onnx", checked, "validation", Progress())
        else:
            load_teacher(str(place), LABELS, folder / "cache", tuned=True, max_length=16)
        return files

    def use(files: Files) -> None:
        if files.changed[0][0] == "model.onnx":
            digest(place / "model.onnx")
            tensors("onnxruntime", place / "model.onnx")
            return
        digest(place)
        tensors("torch", place)
        repeated_tokens(str(place))
        _, tokenizer = load_teacher(str(place), LABELS, folder / "cache", max_length=16)
        other_normalizer(str(place), tokenizer)
        evaluate_file(place, checked, "test", Progress())
        format_, precision = ("torch", "fp32") if files.number else ("onnx", "int8")
        shutil.rmtree(folder / "exported", ignore_errors=True)
        out = target(str(place), format_, precision, folder / f"exported/student.{format_}")
        asked = Asked(texts=folder / "texts.txt" if files.number % 2 else None)
        export_checkpoint(str(place), format_, precision, out, asked, Progress())

    inputs = st.integers(0, 19).flatmap(
        lambda n: _right(right, graph, tokens) if n < 10 else _hostile(right, graph, tokens)
    )
    return Kind(320, inputs, read, use, home=folder)
