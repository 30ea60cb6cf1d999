"""An export format is one new file and its line in `FORMATS`: recipe, verification and export read everything there."""

from pathlib import Path

import numpy as np
import pytest

from pocketbert.compress import exports
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.exports import FORMATS, Format, Tolerance, file_name
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.pipeline.shipping.artifact import Export
from pocketbert.compress.pipeline.shipping.verify import compare, complaint
from tests.support.plug_ins import add_module

NEW_FILE = '''
def export(model, path, precision, inputs, kept):
    """Write the names of the weights."""
    path.write_text("\\n".join([precision, *inputs, *model.state_dict()]), encoding="utf-8")
    return "names only"
'''


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_module(monkeypatch, exports, "names", NEW_FILE, tmp_path)
    monkeypatch.setitem(FORMATS, "names", Format("torch", "txt", {"fp32": Tolerance(0.5, 0.75)}))


@pytest.mark.usefixtures("names")
def test_a_format_is_one_file_and_one_line(tiny_recipe: Path, tiny_model: Path, tmp_path: Path) -> None:
    chosen = {"artifact.0.format": '"names"'}
    assert next((a.format, a.precision) for a in load_recipe(tiny_recipe, chosen).artifacts) == ("names", "fp32")
    with pytest.raises(BadInput, match="for names: fp32"):
        load_recipe(tiny_recipe, chosen | {"artifact.0.precision": '"int8"'})
    export = Export("names", "fp32")
    assert file_name(export.format, export.precision) == "student-fp32.txt"
    path = tmp_path / "out" / "student-fp32.txt"
    path.parent.mkdir()
    assert export.write(load_classifier(tiny_model), path) == "names only"
    assert path.read_text(encoding="utf-8").startswith("fp32\ninput_ids\nattention_mask\nbert.")
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.usefixtures("names")
def test_its_tolerance_is_in_that_line() -> None:
    source = np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 1.0], [0.25, 0.0]], np.float32)
    near, far = source + np.float32([0.4, 0.0]), source + np.float32([0.6, 0.0])
    flipped = source[:, ::-1].copy()
    assert complaint(compare(near, source), Export("names", "fp32").tolerance) is None
    assert complaint(compare(near, source), Export("onnx", "fp32").tolerance) is not None
    assert "0.5" in (complaint(compare(far, source), Export("names", "fp32").tolerance) or "")
    assert "75.0" in (complaint(compare(flipped / 8, source / 8), Export("names", "fp32").tolerance) or "")


def test_every_precision_has_a_tolerance_that_keeps_most_labels() -> None:
    for format_ in FORMATS.values():
        assert format_.precisions
        assert all(0.9 <= tolerance.labels < 1 for tolerance in format_.precisions.values())
