"""FP16 in ONNX Runtime on a CPU: stored as FP16 and cast to FP32, or computed in FP16.

`python -m studies.quantization.onnx_fp16` exports a random student of TinyBERT's shape and times the files in turn on
one thread, batch 1, 128 tokens. It prints size, P50, its ratio to FP32, the largest logit difference to FP32, and the
rise of a process's peak memory (``VmHWM``, Linux) when it opens the file.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.exports.onnx import export
from pocketbert.compress.runtimes import open_session
from studies.shared.page import markdown_table
from studies.shared.race import race
from studies.shared.shapes import one_text, student

_ROUNDS = 100
_OPEN = """
import re, sys
from pathlib import Path
from pocketbert.compress.runtimes.onnxruntime import open_session
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = peak()
session = open_session(Path(sys.argv[1]), 1)
print((peak() - before) * 1024)
"""


def main() -> None:
    """Print the table."""
    quiet()
    text = one_text()
    with tempfile.TemporaryDirectory() as name, Progress(thread=False) as progress:
        files = _files(Path(name))
        sessions = {way: open_session("onnxruntime", path, 1) for way, path in files.items()}
        logits = {way: session.logits(text) for way, session in sessions.items()}
        spent = race(sessions, text, _ROUNDS, 1, progress)
        size = {way: path.stat().st_size for way, path in files.items()}
        peak = {
            way: int(subprocess.check_output([sys.executable, "-c", _OPEN, str(path)])) for way, path in files.items()
        }
    p50 = {way: median(ms) for way, ms in spent.items()}
    rows = [
        [
            way,
            f"{size[way] / 1e6:.1f}",
            f"{p50[way]:.1f}",
            f"{p50['FP32'] / p50[way]:.2f}×",
            f"{np.abs(logits[way] - logits['FP32']).max():.4f}",
            f"{peak[way] / 2**20:.0f}",
        ]
        for way in files
    ]
    headers = ["file", "MB", "P50 ms", "faster than FP32", "logit difference", "MiB to open it"]
    print(markdown_table(headers, rows))


def _files(folder: Path) -> dict[str, Path]:
    model = student(spread=0.1)
    files = {way: folder / f"{way}.onnx" for way in ("FP32", "FP16 weights", "FP16 throughout")}
    export(model, files["FP32"], "fp32")
    export(model, files["FP16 weights"], "fp16")
    converted = convert_float_to_float16(onnx.load(files["FP32"]), keep_io_types=True)
    onnx.save(converted, files["FP16 throughout"])
    return files


if __name__ == "__main__":
    main()
