"""Figures from a real device join the results, or are refused in one line."""

import json
from pathlib import Path

import pytest

from pocketbert.bench.records.phone import join
from pocketbert.bench.records.results import Results, load_results
from pocketbert.compress.base.errors import BadInput
from tests.support import REPO
from tests.support.pages import blocks
from tests.support.results import INT8

PAGE = REPO / "docs/phone.md"
HEADER = "device,artifact,length,p50_ms"


@pytest.fixture(scope="module")
def results() -> Results:
    return load_results(REPO / "reports/offline.json").model_copy(update={"phone": []})


def write(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def test_the_two_forms_in_the_docs_say_the_same(results: Results, tmp_path: Path) -> None:
    table = join(results, write(tmp_path / "a.csv", blocks(PAGE, "csv")[0])).phone
    listed = join(results, write(tmp_path / "a.json", blocks(PAGE, "json")[0])).phone
    assert table == listed
    assert [(f.device, f.length, f.p50_ms, f.threads) for f in table] == [
        ("Pixel 8", "128", 9.4, 4),
        ("Pixel 8", "mix", 4.1, 4),
    ]


def test_a_spreadsheets_byte_order_mark_is_no_part_of_the_header(results: Results, tmp_path: Path) -> None:
    found = join(results, write(tmp_path / "a.csv", f"\N{ZERO WIDTH NO-BREAK SPACE}{HEADER}\nP,{INT8},128,9\n"))
    assert [f.device for f in found.phone] == ["P"]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_spreadsheets_of_other_languages_separate_otherwise(results: Results, tmp_path: Path, delimiter: str) -> None:
    content = f"{HEADER}\nP,{INT8},128,9\n".replace(",", delimiter).replace(f"{delimiter}9", f"{delimiter}9,5")
    assert [f.p50_ms for f in join(results, write(tmp_path / "a.csv", content)).phone] == [9.5]


def test_a_comma_for_thousands_is_no_decimal_comma(results: Results, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r'p50_ms = "1,234": expected a number'):
        join(results, write(tmp_path / "a.csv", f'{HEADER}\nP,{INT8},128,"1,234"\n'))


def test_earlier_figures_of_the_same_device_are_replaced(results: Results, tmp_path: Path) -> None:
    once = join(results, write(tmp_path / "a.csv", blocks(PAGE, "csv")[0]))
    other = join(once, write(tmp_path / "b.csv", f"{HEADER}\nold,{INT8},128,30\n"))
    again = join(other, write(tmp_path / "c.csv", f"{HEADER}\nPixel 8,{INT8},128,5\n"))
    assert [(f.device, f.p50_ms) for f in again.phone] == [("old", 30), ("Pixel 8", 5)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "device,artifact,length\nP,x,128\n", r"a\.csv:2: p50_ms is missing; expected a number, more than 0"),
        ("a.csv", f"{HEADER}\nP,{INT8},128,fast\n", r'a\.csv:2: p50_ms = "fast": expected a number, more than 0'),
        ("a.csv", f"{HEADER}\nP,{INT8},128,-1\n", r'a\.csv:2: p50_ms = "-1": expected a number, more than 0'),
        ("a.csv", f"{HEADER}\nP,{INT8},long,1\n", r"a\.csv:2: length 'long'; expected a number of tokens, or 'mix'"),
        ("a.csv", f"{HEADER}\nP,{INT8},²,1\n", r"a\.csv:2: length '²'; expected a number of tokens, or 'mix'"),
        ("a.csv", f"{HEADER}\nP,{INT8},{'7' * 5000},1\n", r"a\.csv:2: length '777.*; expected a number of tokens"),
        ("a.csv", f"{HEADER},x\nP,{INT8},128,1,1\n", r"a\.csv:2: x: unknown key \(expected one of: device, artifact"),
        ("a.csv", f"{HEADER}\nP,{INT8},128,1,7\n", r"a\.csv:2: more cells than columns"),
        ("a.csv", f"{HEADER}\nP,w.onnx,128,1\n", r"a\.csv:2: unknown artifact 'w\.onnx'.*\(expected one of: "),
        ("a.csv", f"{HEADER}\n", r"a\.csv: no figures; expected one line per artifact and length"),
        ("a.json", "{", r"a\.json: not JSON"),
        ("a.json", "[" * 100_000, r"a\.json: not JSON"),
        ("a.json", '{"figures": [{"p50_ms": NaN}]}', r"a\.json: figures\[0\]: device is missing"),
        ("a.csv", f"{HEADER}\nP,{INT8},128,nan\n", r'a\.csv:2: p50_ms = "nan": expected a number, more than 0'),
        ("a.csv", f"{HEADER}\nP,{INT8},128,{'1' * 140_000}\n", r"a\.csv:2: not CSV \(field larger"),
        ("a.json", "[]", r"a\.json: no list of figures; expected \{"),
        ("a.json", json.dumps({"figures": [{"artifact": INT8}]}), r"a\.json: figures\[0\]: device is missing"),
        ("a.txt", "", r"a\.txt: suffix '\.txt'; expected \.csv or \.json"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(results: Results, tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(BadInput, match=message) as refused:
        join(results, write(tmp_path / name, content))
    assert "\n" not in str(refused.value)


def test_another_file_than_the_measured_one_is_refused(results: Results, tmp_path: Path) -> None:
    measured = results.artifact(INT8).sha256
    content = f"{HEADER},sha256\nP,{INT8},128,1,"
    with pytest.raises(BadInput, match=rf"SHA-256 ffffffffffff… on the device, but {measured[:12]}… here; measure the"):
        join(results, write(tmp_path / "a.csv", f"{content}{'f' * 64}\n"))
    assert join(results, write(tmp_path / "a.csv", f"{content}{measured}\n")).phone[0].sha256 == measured
    assert join(results, write(tmp_path / "a.csv", f"{content}{measured.upper()}\n")).phone, "PowerShell prints it so"
    with pytest.raises(BadInput, match="No such file"):
        join(results, tmp_path / "nothing.csv")
