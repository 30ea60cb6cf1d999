"""Data files and model folders."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as parquet
from hypothesis import strategies as st

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.data.load import load_data
from pocketbert.compress.data.settings import TaskTable
from pocketbert.compress.models.pretrained import load_teacher
from pocketbert.compress.pipeline.evaluate import evaluate_file
from pocketbert.compress.pipeline.recipe import load_recipe
from tests.fuzz.damage import DEEP, ODD_FILES, TEXTS, as_json, damaged, odd_file, trees
from tests.fuzz.harness import Kind
from tests.support.manifests import write_onnx
from tests.support.models import write_tiny_model

LABELS = ["neg", "pos"]
_ROWS = [{"text": f"好{n}天", "label": LABELS[n % 2]} for n in range(8)]
_METADATA = (
    b"{}",
    b"[]",
    b"null",
    b"not JSON",
    b'{"info": {"features": {"text": {"_type": "Image"}}}}',
    b'{"info": {"features": {"label": {"names": 3, "_type": "ClassLabel"}}}}',
    b'{"info": {"features": {"text": {"_type": "NoSuchType"}}}}',
    b'{"info": {"features": []}}',
    b'{"info": 3}',
    b'{"index_columns": [3], "columns": null}',
    b"[" * DEEP,
    b"\xff\xfe",
)


class File(NamedTuple):
    """One file of a folder: its name, and its bytes or the odd one in its place."""

    name: str
    content: bytes
    odd: str = ""


def _csv(rows: list[dict[str, Any]]) -> bytes:
    lines = ["text,label", *(f"{row['text']},{row['label']}" for row in rows)]
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass")


def _jsonl(rows: list[dict[str, Any]]) -> bytes:
    return b"\n".join(map(as_json, rows)) + b"\n"


def _parquet(rows: list[dict[str, Any]], metadata: dict[bytes, bytes]) -> bytes:
    table = pa.table({name: [row[name] for row in rows] for name in ("text", "label")})
    sink = pa.BufferOutputStream()
    parquet.write_table(table.replace_schema_metadata(metadata), sink)
    return sink.getvalue().to_pybytes()


@st.composite
def _csvs(draw: st.DrawFn) -> bytes:
    rows = [dict(row) for row in _ROWS]
    for _ in range(draw(st.integers(1, 3))):
        draw(st.sampled_from(rows))[draw(st.sampled_from(("text", "label")))] = draw(
            st.sampled_from((*TEXTS, '"', '""', '"open', "a,b", "a\r\nb", "字" * 200_000)) | st.text(max_size=5)
        )
    return _csv(rows)


@st.composite
def _columns(draw: st.DrawFn) -> bytes:
    """Draw Parquet with columns of other types, or metadata of others."""
    keys = st.sampled_from((b"huggingface", b"pandas", b"ARROW:schema", b"x"))
    metadata = draw(st.dictionaries(keys, st.sampled_from(_METADATA), max_size=2))
    odd = st.sampled_from((None, 1, 2.5, b"\xff", [1], {"a": 1}, [["a"]], True, 10**18))
    value = draw(odd)
    rows = [dict(row) for row in _ROWS]
    column = draw(st.sampled_from(("text", "label")))
    for row in rows:
        if not metadata or draw(st.integers(0, 3)) == 0:
            row[column] = value
    try:
        return _parquet(rows, metadata)
    except (pa.ArrowException, TypeError):  # mixed types in one column
        return _parquet([dict(row) for row in _ROWS], metadata)


def _data_files() -> st.SearchStrategy[File]:
    lines = trees(_ROWS).map(lambda rows: _jsonl(rows) if isinstance(rows, list) else as_json(rows))
    odd = st.sampled_from(ODD_FILES)
    return st.one_of(
        _csvs().map(lambda content: File("train.csv", content)),
        damaged(_csv(_ROWS)).map(lambda content: File("train.csv", content)),
        lines.map(lambda content: File("train.jsonl", content)),
        trees(_ROWS).map(lambda rows: File("train.jsonl", as_json(rows))),
        damaged(_jsonl(_ROWS)).map(lambda content: File("train.jsonl", content)),
        _columns().map(lambda content: File("train.parquet", content)),
        damaged(_parquet(_ROWS, {})).map(lambda content: File("train.parquet", content)),
        st.tuples(st.sampled_from((".csv", ".jsonl", ".parquet")), odd).map(lambda p: File(f"train{p[0]}", b"", p[1])),
    )


def data(folder: Path) -> Kind:
    """Folders whose train split is damaged."""
    odd_files = folder / "odd"
    odd_files.mkdir(parents=True)
    right = {".csv": _csv(_ROWS), ".jsonl": _jsonl(_ROWS), ".parquet": _parquet(_ROWS, {})}
    for suffix, content in right.items():
        (folder / suffix[1:]).mkdir()
        for split in ("validation", "test"):
            (folder / suffix[1:] / f"{split}{suffix}").write_bytes(content)

    def read(file: File) -> None:
        suffix = Path(file.name).suffix
        place = folder / suffix[1:] / file.name
        place.unlink(missing_ok=True)
        if file.odd:
            place.symlink_to(
                odd_file(odd_files, file.odd, suffix) if file.odd not in ("long", "nul", "surrogate") else place
            )
        else:
            place.write_bytes(file.content)
        load_data(TaskTable(dataset=str(place.parent), max_length=16))

    return Kind(600, _data_files(), read)


def _headers(content: bytes) -> st.SearchStrategy[bytes]:
    """Draw safetensors files with faults in the header."""
    length = int.from_bytes(content[:8], "little")
    tree, rest = json.loads(content[8 : 8 + length]), content[8 + length :]

    def write(changed: Any) -> bytes:
        header = as_json(changed)
        return len(header).to_bytes(8, "little") + header + rest

    lengths = st.sampled_from((0, 1, 2**31, 2**63, 2**64 - 1)).map(lambda n: n.to_bytes(8, "little") + content[8:])
    return st.one_of(trees(tree).map(write), lengths, damaged(content))


_PATTERNS = ("(a+)+$", "(a|aa)+$", "(", "(?<=a+)b", "(.*)*x", "\\p{Nothing}", "(?i)" * 50, "a{1,100000}", "(x+x+)+y")


@st.composite
def _patterns(draw: st.DrawFn, tree: Any) -> bytes:
    """Draw tokenizers whose regular expression has no end, or no sense."""
    pattern = {"Regex": draw(st.sampled_from(_PATTERNS))}
    part: dict[str, Any] = {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False}
    if draw(st.booleans()):
        return as_json(tree | {"pre_tokenizer": part})
    return as_json(tree | {"normalizer": {"type": "Replace", "pattern": pattern, "content": ""}})


def models(folder: Path) -> Kind:
    """Model folders and ONNX files: each is opened as a teacher and scored, or refused."""
    odd_files, right, place = folder / "odd", folder / "right", folder / "model"
    odd_files.mkdir(parents=True)
    write_tiny_model(right, num_hidden_layers=1)
    graph = folder / "model.onnx"
    write_onnx(graph)
    rows = [
        {"text": text, "label": LABELS[n % 2]} for n, text in enumerate(["好书", "差店", "a" * 60, "x" * 60 + "!"] * 2)
    ]
    shutil.copytree(right, place)
    dataset = folder / "data"
    dataset.mkdir()
    for split in ("train", "validation", "test"):
        (dataset / f"{split}.jsonl").write_bytes(_jsonl(rows))
    recipe = folder / "recipe.toml"
    recipe.write_text(
        f'name = "tiny"\n[task]\ndataset = "{dataset}"\nlabels = ["neg", "pos"]\nmax_length = 16\n'
        f'[teacher]\nmodel = "{right}"\nepochs = 0\n[[artifact]]\nformat = "onnx"\n',
        encoding="utf-8",
    )
    checked = load_recipe(recipe)

    def text(name: str) -> Any:
        return json.loads((right / name).read_text(encoding="utf-8"))

    def named(name: str) -> Callable[[bytes], File]:
        return lambda content: File(name, content)

    vocabulary = "\n".join(sorted(text("tokenizer.json")["model"]["vocab"])).encode()
    inputs = st.one_of(
        *[trees(text(name)).map(as_json).map(named(name)) for name in ("config.json", "tokenizer.json", "config.json")],
        trees(text("tokenizer_config.json")).map(as_json).map(named("tokenizer_config.json")),
        damaged((right / "config.json").read_bytes()).map(named("config.json")),
        damaged((right / "tokenizer.json").read_bytes()).map(named("tokenizer.json")),
        _patterns(text("tokenizer.json")).map(named("tokenizer.json")),
        _headers((right / "model.safetensors").read_bytes()).map(named("model.safetensors")),
        damaged(vocabulary).map(named("vocab.txt")),
        damaged(graph.read_bytes()).map(named("model.onnx")),
        damaged(graph.read_bytes()).map(named("model.onnx")),
        st.tuples(
            st.sampled_from(("config.json", "model.safetensors", "tokenizer.json")), st.sampled_from(ODD_FILES)
        ).map(lambda pair: File(pair[0], b"", pair[1])),
    )

    def read(file: File) -> None:
        shutil.rmtree(place)
        shutil.copytree(right, place)
        changed = place / file.name
        if file.name == "vocab.txt":
            (place / "tokenizer.json").unlink()
        changed.unlink(missing_ok=True)
        if file.odd:
            known = file.odd not in ("long", "nul", "surrogate")
            changed.symlink_to(odd_file(odd_files, file.odd, "") if known else changed)
        else:
            changed.write_bytes(file.content)
        if file.name == "model.onnx":
            evaluate_file(changed, checked, "validation", Progress())
            return
        evaluate_file(place, checked, "validation", Progress())
        load_teacher(str(place), LABELS, folder / "cache", tuned=True, max_length=16)

    return Kind(320, inputs, read)
