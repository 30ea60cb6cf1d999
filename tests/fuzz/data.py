"""Data folders: each is read, cut, searched for overlap and written for the bench, which reads it again."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as parquet
from hypothesis import strategies as st

from pocketbert.bench.measuring.subject import load_rows
from pocketbert.compress.data.findings import find
from pocketbert.compress.data.settings import TaskTable
from pocketbert.compress.data.texts import Texts, read_texts, tokenize, write_test
from tests.fuzz.damage import DEEP, ODD_FILES, PICKS, TEXTS, as_json, damaged, odd_file, trees
from tests.fuzz.harness import Kind
from tests.support.models import write_tiny_model

LABELS = ["neg", "pos"]
ROWS = [{"text": f"好{n}天", "label": LABELS[n % 2]} for n in range(8)]
PAIRS = [{"text": f"好{n}", "text_pair": f"差{n}天", "label": LABELS[n % 2]} for n in range(8)]
TAGGED = [{"tokens": list(f"李{n}去京"), "label": ["B-PER", "I-PER", "O", "B-LOC"]} for n in range(8)]
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
    """One file of a folder: its name, its bytes or the odd one in its place, and the settings it is read with."""

    name: str
    content: bytes
    odd: str = ""
    kind: str = "classification"
    settings: tuple[tuple[str, Any], ...] = ()


def _csv(rows: list[dict[str, Any]]) -> bytes:
    lines = ["text,label", *(f"{row['text']},{row['label']}" for row in rows)]
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass")


def jsonl(rows: list[dict[str, Any]]) -> bytes:
    """Write one object per line."""
    return b"\n".join(map(as_json, rows)) + b"\n"


def _parquet(rows: list[dict[str, Any]], metadata: dict[bytes, bytes]) -> bytes:
    table = pa.table(
        {name: [row.get(name) for row in rows] for name in dict.fromkeys(key for row in rows for key in row)}
    )
    sink = pa.BufferOutputStream()
    parquet.write_table(table.replace_schema_metadata(metadata), sink)
    return sink.getvalue().to_pybytes()


@st.composite
def _csvs(draw: st.DrawFn) -> bytes:
    rows = [dict(row) for row in ROWS]
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
    rows = [dict(row) for row in ROWS]
    column = draw(st.sampled_from(("text", "label")))
    for row in rows:
        if not metadata or draw(st.integers(0, 3)) == 0:
            row[column] = value
    try:
        return _parquet(rows, metadata)
    except (pa.ArrowException, TypeError):  # mixed types in one column
        return _parquet([dict(row) for row in ROWS], metadata)


def _hostile() -> st.SearchStrategy[File]:
    lines = trees(ROWS).map(lambda rows: jsonl(rows) if isinstance(rows, list) else as_json(rows))
    odd = st.sampled_from(ODD_FILES)
    return st.one_of(
        _csvs().map(lambda content: File("train.csv", content)),
        damaged(_csv(ROWS)).map(lambda content: File("train.csv", content)),
        lines.map(lambda content: File("train.jsonl", content)),
        trees(ROWS).map(lambda rows: File("train.jsonl", as_json(rows))),
        damaged(jsonl(ROWS)).map(lambda content: File("train.jsonl", content)),
        _columns().map(lambda content: File("train.parquet", content)),
        damaged(_parquet(ROWS, {})).map(lambda content: File("train.parquet", content)),
        st.tuples(st.sampled_from((".csv", ".jsonl", ".parquet")), odd).map(lambda p: File(f"train{p[0]}", b"", p[1])),
    )


_WORDS = (
    *("好", "a", "x" * 600, "字" * 3000, "\u3000好\u00a0", "好\u200b", "\x1b[31m红", "\ufffd", "a\tb", "two\nlines"),
    *(
        "[SEP]",
        "[PAD] [UNK]",
        "<b>x</b>",
        "😀" * 9,
        "e\u0301",
        "１２３",
        "\ufeff好",
        "\u202e好",
        "好0天",
        "好1天",
        "NA",
        "nan 1",
    ),
)
_TAGS = (
    ("B-PER", "I-PER", "O", "B-LOC"),
    ("B", "E", "S", "S"),
    ("PER-B", "PER-I", "O", "LOC-B"),
    ("B_PER", "E_PER", "O", "S_LOC"),
    ("O", "O", "O", "O"),
    ("B-PER", "L-PER", "O", "U-LOC"),
    ("I-PER", "I-LOC", "B-PER", "I-X-Y"),
    ("B-" + "字" * 80, "O", "O", "O"),
)
_NAMINGS = (("neg", "pos"), ("0", "1"), ("a b", "字" * 200), ("<b>", "|`"), ("是", "否"), ("-1", "1"), ("NEG", "x1"))
_SETTINGS: dict[str, tuple[Any, ...]] = {
    "max_length": (8, 16, 512),
    "limit": ({}, {"train": 6}, {"train": 4, "validation": 3, "test": 2}, {"test": 1}),
    "labelled": (None, 2, 4, 10**9),
    "splits": (
        {},
        {"train": "train[:75%]"},
        {"validation": "train[6:]", "train": "train[:6]"},
        {"unlabelled": "train[-2:]"},
    ),
}


def _changed(rows: list[dict[str, Any]], kind: str, pick: Any) -> list[dict[str, Any]]:
    """Change a few rows so that they are right all the same, as far as each one tells."""
    rows = [dict(row) for row in rows]
    for _ in range(pick.choice((0, 1, 2, 5))):
        row = pick.choice(rows)
        match pick.choice(("text", "text", "twice", "near", "other", "more", "order")):
            case "text" if kind == "tagging":
                row["tokens"] = [pick.choice(_WORDS) for _ in row["tokens"]]
            case "text":
                row[pick.choice([key for key in row if key.startswith("text")])] = pick.choice(_WORDS)
            case "twice":
                rows.append(dict(row))
            case "near" if kind != "tagging":
                row["text"] = row["text"] + "。" * pick.choice((1, 2))
            case "other" if kind != "tagging":
                row["label"] = pick.choice([each["label"] for each in rows])
            case "more":
                row["note"] = pick.choice((1, None, "x", [1, 2], {"a": 1}))
            case "order":
                pick.shuffle(rows)
    return rows


def _named(rows: list[dict[str, Any]], kind: str, pick: Any) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Give the labels other names, or the words other tags; return `task.labels` too, which may be empty."""
    if kind == "tagging":
        tags = pick.choice(_TAGS)
        return [{**row, "label": list(tags)} for row in rows], ()
    names = pick.choice(_NAMINGS)
    number = pick.choice((False, False, False, True))
    found = [
        {**row, "label": LABELS.index(row["label"]) if number else names[LABELS.index(row["label"])]} for row in rows
    ]
    return found, pick.choice(((), names, names[::-1]))


def _written(rows: list[dict[str, Any]], suffix: str, pick: Any) -> bytes:
    """Write rows in one of the ways that the format allows."""
    if suffix == ".parquet":
        return _parquet(rows, {})
    if suffix == ".jsonl":
        ascii_only, end = pick.choice((True, False)), pick.choice(("\n", "\r\n", "\n\n"))
        if pick.choice((False, False, True)):
            return json.dumps(rows, ensure_ascii=ascii_only, indent=pick.choice((None, 1))).encode()
        return end.join(json.dumps(row, ensure_ascii=ascii_only) for row in rows).encode() + pick.choice((b"", b"\n"))
    columns = [key for key in rows[0] if key in ("text", "text_pair", "label")]
    pick.shuffle(columns)
    quote = pick.choice((str, lambda text: text))
    cells = [[quote(str(row[key])) for key in columns] for row in rows]
    end = pick.choice(("\n", "\r\n"))
    lines = [columns, *cells]
    return end.join(",".join('"' + cell.replace('"', '""') + '"' for cell in line) for line in lines).encode() + b"\n"


@st.composite
def _right(draw: st.DrawFn) -> File:
    """Draw files that are right, with settings that are right for most of them."""
    kind = draw(st.sampled_from(("classification", "classification", "matching", "tagging")))
    pick = draw(PICKS)
    suffix = pick.choice((".jsonl", ".parquet") if kind == "tagging" else (".csv", ".jsonl", ".parquet"))
    rows, labels = _named({"classification": ROWS, "matching": PAIRS, "tagging": TAGGED}[kind], kind, pick)
    rows = _changed(rows, kind, pick)
    settings = {key: pick.choice(choices) for key, choices in _SETTINGS.items() if pick.random() < 0.3}
    if labels:
        settings["labels"] = labels
    try:
        content = _written(rows, suffix, pick)
    except pa.ArrowException:  # notes of several types
        content = _written([{key: row[key] for key in row if key != "note"} for row in rows], suffix, pick)
    return File(f"*{suffix}", content, "", kind, tuple(settings.items()))


def data(folder: Path) -> Kind:
    """Folders one of whose splits is damaged, or all of which are right and odd."""
    odd_files = folder / "odd"
    odd_files.mkdir(parents=True)
    right = {".csv": _csv(ROWS), ".jsonl": jsonl(ROWS), ".parquet": _parquet(ROWS, {})}
    tokenizer = write_tiny_model(folder / "model", num_hidden_layers=1) / "tokenizer.json"

    def read(file: File) -> Texts:
        suffix = Path(file.name).suffix
        home = folder / suffix[1:]
        home.mkdir(exist_ok=True)
        for split in ("train", "validation", "test"):
            place = home / f"{split}{suffix}"
            place.unlink(missing_ok=True)
            place.write_bytes(file.content if file.name.startswith("*") else right[suffix])
        if file.odd:
            place = home / file.name
            place.unlink()
            known = file.odd not in ("long", "nul", "surrogate")
            place.symlink_to(odd_file(odd_files, file.odd, suffix) if known else place)
        elif not file.name.startswith("*"):
            (home / file.name).write_bytes(file.content)
        settings = {"max_length": 16, **dict(file.settings)}
        return read_texts(TaskTable.model_validate({"kind": file.kind, "dataset": str(home), **settings}))

    def use(texts: Texts) -> None:
        found = find(texts)
        place = folder / "test.jsonl"
        write_test(texts, place, found.test_seen)
        rows = load_rows(place, texts.task)
        assert len(rows) == len(texts.splits["test"]["label"])
        assert {key: list(values) for key, values in rows.columns.items()} == texts.splits["test"]
        tokens = tokenize(texts, tokenizer)
        assert len(tokens.labelled.gold) == texts.labelled
        for row in range(len(rows)):
            texts.task.show(rows.columns, row)
            texts.task.show_label(rows.columns, row)

    inputs = st.integers(0, 19).flatmap(lambda n: _right() if n < 10 else _hostile())
    return Kind(600, inputs, read, use, home=folder)
