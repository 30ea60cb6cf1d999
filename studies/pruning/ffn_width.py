"""The speed of ONNX Runtime's INT8 kernels by FFN width: nanoseconds per neuron at widths of several divisors.

`python -m studies.pruning.ffn_width` times one FFN (384 to the width to 384, 128 tokens, one thread), widths in
turn.
"""

import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from tabulate import tabulate
from torch import nn

_HIDDEN, _TOKENS, _ROUNDS = 384, 128, 300
_WIDTHS = {
    "no multiple": (733, 749, 763, 781),
    "8": (728, 744, 760, 776),
    "16": (720, 752, 784, 816),
    "32": (736, 768, 800, 704),
}


def main() -> None:
    """Print the table."""
    hidden = np.random.default_rng(0).normal(size=(1, _TOKENS, _HIDDEN)).astype(np.float32)
    with tempfile.TemporaryDirectory() as name:
        widths = [width for group in _WIDTHS.values() for width in group]
        sessions = {width: _session(width, Path(name)) for width in widths}
        spent: dict[int, list[float]] = {width: [] for width in widths}
        for _ in range(_ROUNDS):
            for width, session in sessions.items():
                begin = time.perf_counter()
                session.run(None, {"hidden": hidden})
                spent[width].append((time.perf_counter() - begin) * 1e9 / width)
    rows = [[name, f"{np.mean([median(spent[width]) for width in group]):.0f}"] for name, group in _WIDTHS.items()]
    print(tabulate(rows, headers=["multiple of", "ns per neuron"], tablefmt="pipe"))


def _session(width: int, folder: Path) -> onnxruntime.InferenceSession:
    torch.manual_seed(0)
    block = nn.Sequential(nn.Linear(_HIDDEN, width), nn.GELU(), nn.Linear(width, _HIDDEN))
    source, path = folder / f"{width}-float.onnx", folder / f"{width}.onnx"
    example = torch.zeros(1, _TOKENS, _HIDDEN)
    torch.onnx.export(block, (example,), str(source), input_names=["hidden"], opset_version=17, dynamo=False)
    quantize_dynamic(
        source,
        path,
        per_channel=True,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["MatMul"],
        extra_options={"MatMulConstBOnly": True},
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


if __name__ == "__main__":
    main()
