import json
from pathlib import Path

from pocketbert.bench.report.sensitivity import show, write
from pocketbert.compress.pruning.sensitivity import WIDTHS, Change, Sensitivity

PARTS = ["head 0", "head 1", "layer", *(f"ffn {share:g}" for share in WIDTHS)]
FOUND = Sensitivity(
    metric="accuracy",
    value=0.9,
    loss=0.3,
    rows=200,
    changes=[
        Change(layer, part, pp=-10.0 * layer - place, loss=0.1)
        for layer in range(2)
        for place, part in enumerate(PARTS)
        if (layer, part) != (1, "head 1")
    ],
)


def test_the_table_has_the_highest_layer_first_and_leaves_missing_heads_out() -> None:
    lines = show(FOUND).splitlines()
    assert lines[0] == "accuracy 90.0 % on 200 validation examples; change in pp without the part (negative: worse):"
    assert lines[1].split("  ")[-1].strip() == "FFN ¼"
    assert lines[3].split() == ["1", "−10.0", "−12.0", "−13.0", "−14.0", "−15.0"]
    assert lines[4].split() == ["0", "0.0", "−1.0", "−2.0", "−3.0", "−4.0", "−5.0"]


def test_numbers_and_picture_are_written(tmp_path: Path) -> None:
    numbers, picture = write(FOUND, tmp_path / "reports", "tiny")
    assert json.loads(numbers.read_text())["changes"][0] == {"layer": 0, "part": "head 0", "pp": 0, "loss": 0.1}
    drawn = picture.read_text()
    assert drawn.startswith("<?xml")
    before = drawn
    write(FOUND, tmp_path / "reports", "tiny")
    assert picture.read_text() == before, "the same numbers drew another picture"
