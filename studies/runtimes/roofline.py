"""The peak speed of matrix products on one core: the roofline of artifacts (Williams et al. 2009).

Both peaks are measured with ONNX Runtime on one large matrix product, so they are the limit of a kernel that does
nothing else. Copies, normalisation and quantization keep an artifact below its peak.
"""

import time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_SIDE, _RUNS = 512, 60


class Peaks(NamedTuple):
    """Operations per second on one thread; a multiply-accumulate counts as two."""

    fp32: float
    int8: float

    def limit_ms(self, macs: int, precision: str) -> float:
        """Return the shortest time of `macs` multiply-accumulates, ms.

        FP16 weights are computed with in FP32, INT4 weights in INT8.
        """
        return 2 * macs / (self.int8 if precision in ("int8", "int4") else self.fp32) * 1000


def peaks() -> Peaks:
    """Measure the best of `_RUNS` runs of each product, on one thread of this process."""
    draw = np.random.default_rng(0)
    ints = draw.integers(-127, 128, (_SIDE, _SIDE))
    floats = draw.normal(size=(_SIDE, _SIDE)).astype(np.float32)
    return Peaks(
        fp32=_best("MatMul", floats, floats),
        int8=_best("MatMulInteger", (ints + 127).astype(np.uint8), ints.astype(np.int8)),
    )


def _best(kind: str, left: NDArray[Any], right: NDArray[Any]) -> float:
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    from pocketbert.compress.runtimes.onnxruntime import options

    out = TensorProto.FLOAT if kind == "MatMul" else TensorProto.INT32
    graph = helper.make_graph(
        [helper.make_node(kind, ["left", "right"], ["product"])],
        "peak",
        [helper.make_tensor_value_info("left", helper.np_dtype_to_tensor_dtype(left.dtype), list(left.shape))],
        [helper.make_tensor_value_info("product", out, list(left.shape))],
        [numpy_helper.from_array(right, "right")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), options(1), providers=["CPUExecutionProvider"])
    times = []
    for _ in range(_RUNS):
        begin = time.perf_counter()
        session.run(None, {"left": left})
        times.append(time.perf_counter() - begin)
    return 2 * _SIDE**3 / min(times)
