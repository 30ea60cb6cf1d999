"""The readers of all formats return the same rows, and each knows the place of a row."""

import json
from pathlib import Path

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.reading.formats import READERS, read_csv, read_json, read_parquet

ROWS = [
    {"text": "好书", "label": "pos"},
    {"text": "NA", "label": "neg"},
    {"text": '他说："差，\n很差"', "label": "neg"},
]


def write(file: Path, rows: list[dict[str, str]]) -> Path:
    from datasets import Dataset

    table = Dataset.from_list(rows)
    match file.suffix:
        case ".csv":
            table.to_csv(file, index=False)
        case ".parquet":
            table.to_parquet(file)
        case ".json":
            file.write_text(json.dumps(rows), encoding="utf-8")
        case _:
            table.to_json(file, force_ascii=False)
    return file


@pytest.mark.parametrize("suffix", READERS)
def test_a_format_gives_back_what_was_written(suffix: str, tmp_path: Path) -> None:
    table = READERS[suffix](write(tmp_path / f"train{suffix}", ROWS), "here")
    assert {name: list(values) for name, values in table.columns.items()} == {
        "text": [row["text"] for row in ROWS],
        "label": [row["label"] for row in ROWS],
    }


def test_a_row_of_csv_is_where_it_begins(tmp_path: Path) -> None:
    file = tmp_path / "train.csv"
    file.write_bytes('\ufefftext,label\r\n"一\r\n二",a\r\n\r\n三,b\r\n'.encode())
    table = read_csv(file, "here")
    assert table.columns == {"text": ["一\r\n二", "三"], "label": ["a", "b"]}
    assert [table.place(row) for row in range(2)] == ["line 2", "line 5"]


def test_a_line_of_json_lines_is_counted_with_the_blank_ones(tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    file.write_text('{"text": "一\u2028二"}\n\n{"text": "三", "label": "a"}\n', encoding="utf-8")
    table = read_json(file, "here")
    assert table.columns == {"text": ["一\u2028二", "三"], "label": [None, "a"]}
    assert [table.place(row) for row in range(2)] == ["line 1", "line 3"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", 'text,label\n一,a\n"二,b\n三,c\n', "here, line 3: is not valid CSV; close every quotation mark"),
        ("a.csv", "text,label\n一,a\n二，b\n", "here, line 3: has 1 fields, but the first line has 2"),
        (
            "a.csv",
            "label\treview\n1\t好,坏\n",
            "here, line 1: the columns are separated by tabs; save the file with commas",
        ),
        ("a.csv", "text;label\n一;a\n", "here, line 1: the columns are separated by semicolons"),
        ("a.csv", "text,label\n一,二,a\n", "here, line 2: has 3 fields, but the first line has 2"),
        (
            "a.jsonl",
            '{"text": "一"}\n\n{"text": "二"\n',
            "here, line 3, column 13: is not valid JSON; expected: one JSON object per row",
        ),
        ("a.jsonl", '{"text": "一"}\n["二"]\n', 'here, line 2: holds ["\\u4e8c"]; expected: one JSON object per row'),
        ("a.json", '[{"text": "一"},\n {"text" "二"}]', "here, line 2, column 10: is not valid JSON"),
        ("a.json", '[{"text": "一"}, 2]', "here, row 1 (from 0): holds 2"),
        ("a.parquet", "text,label\n", "here: is not a Parquet file"),
        (
            "a.csv",
            "text,label,text\n一,a,二\n",
            "here, line 1: columns 1 and 3 are both called 'text'; rename or remove one of them",
        ),
        ("a.csv", "text,label, text\n一,a,二\n", "here, line 1: columns 1 and 3 are both called 'text'"),
        (
            "a.jsonl",
            '{"text": "一"}\n{"text": "一", "label": 1, "text": "二"}\n',
            "here, line 2: an object has the key 'text' twice; keep one of them",
        ),
        ("a.json", '[{"a": 1},\n {"a": {"b": 1, "b": 1}}]', "here: an object has the key 'b' twice"),
        ("a.jsonl", "[" * 100_000, "here, line 1: is nested too deeply; expected: one flat JSON object per row"),
        ("a.jsonl", '{"text": "一"}\n' + '{"a": ' * 100_000, "here, line 2: is nested too deeply"),
        ("a.jsonl", f'{{"text": "一", "label": {"1" * 5000}}}\n', "here, line 1: holds a number with too many digits"),
    ],
)
def test_malformed_files(name: str, content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(BadInput) as raised:
        READERS[Path(name).suffix](tmp_path / name, "here")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_another_encoding_is_named_by_its_line(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"train{suffix}"
    file.write_bytes(b"text,label\n" + "好书,a\n好书,b\n".encode("gbk"))
    with pytest.raises(BadInput, match="here, line 2: is not UTF-8"):
        READERS[suffix](file, "here")


def test_parquet_keeps_the_classes_of_datasets(tmp_path: Path) -> None:
    from datasets import ClassLabel, Dataset, Features, List, Value

    features = Features({"tokens": List(Value("string")), "label": List(ClassLabel(names=["O", "B-X"]))})
    Dataset.from_dict({"tokens": [["好", "书"]], "label": [[0, 1]]}, features=features).to_parquet(
        tmp_path / "a.parquet"
    )
    table = read_parquet(tmp_path / "a.parquet", "here")
    assert table.classes == {"label": ["O", "B-X"]}
    assert table.place(0) == "row 0 (from 0)"


def test_two_columns_of_one_name_in_parquet(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    columns = [pyarrow.array(["一"]), pyarrow.array(["a"]), pyarrow.array(["二"])]
    parquet.write_table(pyarrow.Table.from_arrays(columns, names=["text", "label", "text"]), tmp_path / "a.parquet")
    with pytest.raises(BadInput, match="here: columns 1 and 3 are both called 'text'"):
        read_parquet(tmp_path / "a.parquet", "here")


def test_parquet_with_foreign_metadata(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    for metadata in ("{}", "[]", "no JSON", '{"info": {"features": {"text": 3}}}', '{"info": null}'):
        table = pyarrow.table({"text": ["一"]}).replace_schema_metadata({"huggingface": metadata})
        parquet.write_table(table, tmp_path / "a.parquet")
        try:
            found = read_parquet(tmp_path / "a.parquet", "here")
        except BadInput as error:
            assert str(error).startswith("here: is not a Parquet file with plain columns")
        else:
            assert list(found.columns["text"]) == ["一"]


def test_nameless_columns_may_repeat(tmp_path: Path) -> None:
    """A spreadsheet writes its empty columns."""
    (tmp_path / "a.csv").write_text("text,label,,\n一,a,,\n", encoding="utf-8")
    assert read_csv(tmp_path / "a.csv", "here").columns["label"] == ["a"]


def test_a_field_of_any_length(tmp_path: Path) -> None:
    """Case c23: the module csv stops at 131,072 characters."""
    long = "很长的文本" * 40_000
    (tmp_path / "a.csv").write_text(f'text,label\n"{long}",a\n', encoding="utf-8")
    assert read_csv(tmp_path / "a.csv", "here").columns["text"] == [long]


def test_json_lines_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "一\\r二"}\r\n{"text": "三"}', encoding="utf-8-sig")
    assert read_json(tmp_path / "a.jsonl", "here").columns == {"text": ["一\r二", "三"]}


def test_a_quotation_mark_that_swallows_rows(tmp_path: Path) -> None:
    """Two stray marks, each at a border of a field, are valid CSV."""
    (tmp_path / "a.csv").write_text('text,label\n一,a\n"二,b\n三,c\n四",d\n五,e\n', encoding="utf-8")
    with pytest.raises(BadInput, match=r"here, line 3: the quotation mark is closed in line 5 only, and the lines"):
        read_csv(tmp_path / "a.csv", "here")
    poem = "床前明月光，\n疑是地上霜。\n举头望明月，\n低头思故乡。"
    (tmp_path / "a.csv").write_text(f'text,label\n"{poem}",a\n', encoding="utf-8")
    assert read_csv(tmp_path / "a.csv", "here").columns["text"] == [poem]
    (tmp_path / "a.csv").write_text(f'text\n"{poem}"\n', encoding="utf-8")
    assert read_csv(tmp_path / "a.csv", "here").columns["text"] == [poem], "of one column every line looks like a row"
