"""Programs written with coremltools' own builder, and emulated."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("coremltools")

import coremltools
from coremltools.converters.mil import Builder
from coremltools.converters.mil.mil import types

from pocketbert.compress.runtimes.coreml import open_session

BATCH = {"input_ids": np.array([[3, 4], [6, 7]]), "attention_mask": np.array([[1, 0], [1, 1]])}
TABLE = np.linspace(-1, 1, 32, dtype=np.float16).reshape(8, 4)


def write(path: Path, half: bool) -> Path:
    """Logits of each text: the sum of its tokens' rows of `TABLE`, times 60,000, in FP16 or FP32."""
    table = TABLE if half else TABLE.astype(np.float32)
    shapes = {name: Builder.TensorSpec(shape=(1, 2), dtype=types.int32) for name in BATCH}

    @Builder.program(input_specs=list(shapes.values()), opset_version=coremltools.target.iOS16)
    def program(input_ids, attention_mask):
        rows = Builder.gather(x=table, indices=input_ids, axis=0)
        mask = Builder.expand_dims(x=Builder.cast(x=attention_mask, dtype="fp16" if half else "fp32"), axes=[1])
        total = Builder.squeeze(x=Builder.matmul(x=mask, y=rows), axes=[1])
        return Builder.mul(x=total, y=table.dtype.type(60_000))

    made = coremltools.convert(
        program,
        minimum_deployment_target=coremltools.target.iOS16,
        compute_precision=coremltools.precision.FLOAT32,
        skip_model_load=True,
    )
    made.save(str(path))
    return path


def expected() -> np.ndarray:
    rows = TABLE.astype(np.float32)[BATCH["input_ids"]]
    return 60_000 * (rows * BATCH["attention_mask"][:, :, None]).sum(axis=1)


def test_rows_run_one_by_one(tmp_path: Path) -> None:
    session = open_session(write(tmp_path / "m.mlpackage", half=False), 1)
    logits = session.logits(BATCH)
    assert logits.shape == (2, 4)
    assert np.allclose(logits, expected(), rtol=1e-5)
    [table] = [constant for constant in session.constants.values() if constant.values.shape == TABLE.shape]
    assert np.array_equal(table.values, TABLE.astype(np.float32))
    assert table.type == "float32"


def test_results_outside_the_range_of_fp16_overflow(tmp_path: Path) -> None:
    logits = open_session(write(tmp_path / "m.mlpackage", half=True), 1).logits(BATCH)
    inside = np.abs(expected()) < 65_000
    assert np.allclose(logits[inside], expected()[inside], rtol=1e-2)
    assert np.isinf(logits[np.abs(expected()) > 66_000]).all()
    assert 0 < inside.sum() < inside.size


def test_a_package_is_opened_without_a_change(tmp_path: Path) -> None:
    package = write(tmp_path / "m.mlpackage", half=False)
    before = {path: path.stat().st_mtime_ns for path in package.rglob("*")}
    open_session(package, 1)
    assert {path: path.stat().st_mtime_ns for path in package.rglob("*")} == before
