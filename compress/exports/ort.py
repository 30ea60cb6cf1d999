"""ONNX Runtime's own format (``.ort``): an ONNX file after ONNX Runtime's optimizations, which reduced builds open.

A reduced build of ONNX Runtime has only the operators that `required_operators` names, and no code that optimizes.
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import onnxruntime
from onnxruntime.tools.convert_onnx_models_to_ort import OptimizationStyle, convert_onnx_models_to_ort
from onnxruntime.tools.ort_format_model import create_config_from_models

from pocketbert.compress.base.folders.leftovers import folder_beside
from pocketbert.compress.exports import onnx

if TYPE_CHECKING:
    from transformers import PreTrainedModel

logging.getLogger("ort_format_model.utils").setLevel(logging.ERROR)  # its import has set DEBUG


def export(
    model: "PreTrainedModel", path: Path, precision: str, inputs: Sequence[str], kept: Mapping[str, str]
) -> str | None:
    """Write `model` to the file `path`: the file of `pocketbert.compress.exports.onnx`, converted."""
    with folder_beside(path) as folder:
        source = Path(folder, "student.onnx")
        note = onnx.export(model, source, precision, inputs, kept)
        _converted(source, Path(folder)).replace(path)
    if precision == "int4":
        size = path.stat().st_size / 1e6
        about = f"its linear layers are INT8 and its embeddings INT4, {size:,.1f} MB: ONNX Runtime unpacks INT4 tensors"
        return f"{note}; {about}" if note else about
    return note


def min_runtime(path: Path) -> str:
    """Return the version that wrote the file: ONNX Runtime promises nothing about older ones."""
    return f"ONNX Runtime {onnxruntime.__version__.rpartition('.')[0]}"


def _converted(source: Path, folder: Path) -> Path:
    """Convert an ONNX file; returns the path of the ``.ort`` file in `folder`."""
    style = [OptimizationStyle.Fixed]
    with redirect_stdout(StringIO()):
        convert_onnx_models_to_ort(source, output_dir=folder, optimization_styles=style, target_platform="arm")
    return folder / source.with_suffix(".ort").name


def required_operators(files: Sequence[Path], path: Path) -> None:
    """Write to `path` the operators that the ``.onnx`` and ``.ort`` `files` need, for ``--include_ops_by_config``.

    Those of an ONNX file are the operators after ONNX Runtime's optimizations.
    """
    with folder_beside(path) as folder:
        converted = [file if file.suffix == ".ort" else _converted(file, Path(folder)) for file in files]
        create_config_from_models(converted, path, enable_type_reduction=False)
    lines = path.read_text(encoding="utf-8").splitlines()
    operators = [line for line in lines if not line.startswith("#")]  # the comments name our folders
    path.write_text("\n".join([f"# {', '.join(sorted(file.name for file in files))}", *operators, ""]), "utf-8")
