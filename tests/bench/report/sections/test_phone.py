"""Figures from a real device join the results, or are refused in one line."""

import json
import re
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from pocketbert.bench.cli import report
from pocketbert.bench.records.phone import join
from pocketbert.bench.records.results import Results, load_results
from pocketbert.bench.report.page import compose
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import write_json
from tests.support import REPO
from tests.support.results import FILE, INT8

DOCS = REPO / "docs/phone.md"


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", DOCS.read_text(encoding="utf-8"), flags=re.DOTALL)


def write(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def test_the_two_forms_in_the_docs_say_the_same(results: Results, tmp_path: Path) -> None:
    table = join(results, write(tmp_path / "a.csv", blocks("csv")[0])).phone
    listed = join(results, write(tmp_path / "a.json", blocks("json")[0])).phone
    assert table == listed
    assert [(f.device, f.length, f.p50_ms, f.threads) for f in table] == [
        ("Pixel 8", "128", 9.4, 4),
        ("Pixel 8", "mix", 4.1, 4),
    ]


def test_a_device_that_is_known_is_replaced(results: Results, tmp_path: Path) -> None:
    once = join(results, write(tmp_path / "a.csv", blocks("csv")[0]))
    other = join(once, write(tmp_path / "b.csv", f"device,artifact,length,p50_ms\nold,{INT8},128,30\n"))
    again = join(other, write(tmp_path / "c.csv", f"device,artifact,length,p50_ms\nPixel 8,{INT8},128,5\n"))
    assert [(f.device, f.p50_ms) for f in again.phone] == [("old", 30), ("Pixel 8", 5)]


def test_it_stands_beside_the_simulated_profiles_and_says_what_it_is(results: Results, tmp_path: Path) -> None:
    content = f"device,artifact,length,p50_ms,p90_ms,threads\nPixel 8,{INT8},128,19.2,21,1\n"
    page = compose(join(results, write(tmp_path / "a.csv", content)), [], FILE).replace("\N{NO-BREAK SPACE}", " ")
    heading = next(line for line in page.splitlines() if line.startswith("| P50 / P90"))
    assert heading.rstrip(" |").endswith("**Pixel 8**, 128 tokens")
    row = [line for line in page.splitlines() if line.startswith(f"| `{INT8}`")][1]
    assert row.rstrip(" |").endswith("19.2 / 21.0")
    assert "<sub>**Pixel 8**: a real device; its figures were handed in, not taken by pocketbert" in page
    assert re.search(r"\| Pixel 8 .*mobile-1t: (1\.9\d|2\.0\d)×", page)
    assert "real device" not in compose(results, [], FILE)


@pytest.mark.parametrize(
    ("name", "content", "pattern"),
    [
        ("a.csv", "device,artifact,length\nP,x,128\n", r"a\.csv:2: p50_ms: Field required; legal: device, artifact"),
        ("a.csv", f"device,artifact,length,p50_ms\nP,{INT8},128,fast\n", r"a\.csv:2: p50_ms: .*valid number"),
        ("a.csv", f"device,artifact,length,p50_ms\nP,{INT8},128,-1\n", r"a\.csv:2: p50_ms: .*greater than 0"),
        ("a.csv", f"device,artifact,length,p50_ms\nP,{INT8},long,1\n", r"a\.csv:2: length 'long'; legal"),
        ("a.csv", f"device,artifact,length,p50_ms,x\nP,{INT8},128,1,1\n", r"a\.csv:2: x: .*; legal: device"),
        ("a.csv", f"device,artifact,length,p50_ms\nP,{INT8},128,1,7\n", r"a\.csv:2: more cells than there are columns"),
        ("a.csv", "device,artifact,length,p50_ms\nP,w.onnx,128,1\n", r"a\.csv:2: artifact 'w\.onnx'; these results"),
        ("a.csv", "device,artifact,length,p50_ms\n", r"a\.csv: no figures in it"),
        ("a.json", "{", r"a\.json: not JSON"),
        ("a.json", "[]", r"a\.json: legal: \{"),
        ("a.json", json.dumps({"figures": [{"artifact": INT8}]}), r"a\.json: figures\[0\]: device: Field required"),
        ("a.txt", "", r"a\.txt: suffix '\.txt'; legal: \.csv, \.json"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(results: Results, tmp_path: Path, name: str, content: str, pattern: str) -> None:
    with pytest.raises(BadInput, match=pattern) as refused:
        join(results, write(tmp_path / name, content))
    assert "\n" not in str(refused.value)


def test_another_file_than_the_one_weighed_is_refused(results: Results, tmp_path: Path) -> None:
    content = f"device,artifact,length,p50_ms,sha256\nP,{INT8},128,1,{'f' * 64}\n"
    with pytest.raises(BadInput, match=r"of SHA-256 ffffffffffff…, weighed was 000000000000…"):
        join(results, write(tmp_path / "a.csv", content))
    with pytest.raises(BadInput, match="No such file"):
        join(results, tmp_path / "nothing.csv")


def test_the_command_keeps_them_in_the_results(results: Results, tmp_path: Path) -> None:
    app = Typer()
    app.command()(report)
    file = tmp_path / "offline.json"
    write_json(file, results)
    said = CliRunner().invoke(app, [str(file), "--phone", str(write(tmp_path / "a.csv", blocks("csv")[0]))])
    assert said.exit_code == 0
    assert len(load_results(file).phone) == 2
    assert "**Pixel 8**" in (tmp_path / "offline.md").read_text(encoding="utf-8")
