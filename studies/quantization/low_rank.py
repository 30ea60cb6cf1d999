"""Embedding matrices of low rank (ALBERT, Lan et al. 2020), compared with 4 bits at the same size.

`python -m studies.quantization.low_rank [FOLDER [ROWS]]` takes a stage of a build of `recipes/offline.toml` (by default
artifacts/offline/stages/03-prune-vocab) and replaces its token embeddings, without any training: by INT8 and INT4, one
scale per row, and by the two factors of a truncated singular value decomposition in INT8. It prints the size of the
matrix, the error relative to the matrix (Frobenius norms), and the metric on the test rows (by default all of them).
"""

import sys

import numpy as np
import torch
from numpy.typing import NDArray

from pocketbert.compress.base.errors import percent
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.models.rounding import round_rows
from pocketbert.compress.runtimes.torch import TorchSession
from pocketbert.compress.tasks.inputs import predict
from studies.shared.built import Built
from studies.shared.page import markdown_table

Matrix = NDArray[np.float32]


def main() -> None:
    """Print the table."""
    quiet()
    built = Built.named(sys.argv[1:])
    model, task, inputs = built.model, built.texts.task, built.inputs()
    gold = built.texts.splits["test"]["label"][: built.rows]
    words = model.get_input_embeddings().weight
    exact: Matrix = words.detach().numpy().copy()
    count, width = exact.shape
    same = round(count * width / 2 / (count + width))  # the rank whose factors in INT8 take as much as INT4
    ways = {
        "FP32": (exact, 4 * exact.size),
        "INT8": (_rounded(exact, "int8"), exact.size),
        "INT4": (_rounded(exact, "int4"), exact.size // 2),
    } | {f"rank {rank}, INT8": (_low_rank(exact, rank), rank * (count + width)) for rank in (same, width // 3)}
    table = []
    with Progress() as progress:
        for name, (matrix, size) in ways.items():
            with torch.no_grad():
                words.copy_(torch.from_numpy(matrix))
            with progress.work(f"{name}: running inference on the test rows", len(inputs)) as work:
                logits = predict(TorchSession(model).logits, inputs, progress=work.advance)
            error = np.linalg.norm(matrix - exact) / np.linalg.norm(exact)
            table.append(
                [name, f"{size / 1e6:.2f}", f"{error:.3f}", percent(task.scores(logits, gold)[task.metric], 2)]
            )
    headers = [f"{count:,} × {width}", "MB, without scales", "relative error", f"{task.metric}, test"]
    print(markdown_table(headers, table))


def _rounded(matrix: Matrix, precision: str) -> Matrix:
    integers, scales = round_rows(matrix, precision)
    return integers.astype(np.float32) * scales.astype(np.float32)


def _low_rank(matrix: Matrix, rank: int) -> Matrix:
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    product: Matrix = _rounded(left[:, :rank] * values[:rank], "int8") @ _rounded(right[:rank], "int8")
    return product


if __name__ == "__main__":
    main()
