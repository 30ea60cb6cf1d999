"""``.tflite`` files by precision and lengths: size, memory, time and accuracy.

`python -m studies.quantization.litert_int4 [FOLDER [ROWS]]` exports the model of a stage of a build of
`recipes/offline.toml` (by default artifacts/offline/stages/03-prune-vocab) in each way. Files for 128 tokens, and the
INT8 file of ONNX, are scored on the test rows (by default all of them), one text at a time. Each is timed in turn with
LiteRT's INT8 file: pairs in one process, one thread, batch 1, 128 tokens.
"""

import sys
import tempfile
from pathlib import Path

from pocketbert.bench.machine.cores import usable_cores
from pocketbert.bench.workers.child import Child
from pocketbert.bench.workers.file import File
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.pipeline.shipping.artifact import Export
from studies.shared.built import SCORED, TIMED, Built, StudentFile
from studies.shared.page import markdown_table
from studies.shared.shapes import TOKENS

_ROUNDS = 100
_LENGTHS = ((TOKENS,), (32,), (32, TOKENS))
_FLOAT, _INT8 = (Export("litert", precision, lengths=(TOKENS,)) for precision in ("fp32", "int8"))
"""The files that accuracy and time are compared with."""
_FILES = [
    _FLOAT,
    *(Export("litert", precision, lengths=lengths) for precision in ("int8", "int4") for lengths in _LENGTHS),
    Export("onnx", "int8"),
]


def main() -> None:
    """Print the table."""
    quiet()
    built = Built.named(sys.argv[1:])
    with tempfile.TemporaryDirectory() as name, Progress(thread=False) as progress:
        files = {}
        for export in _FILES:
            progress.say(f"exporting {_words(export)}")
            files[_words(export)] = StudentFile(export.runtime, Path(name) / export.file)
            export.write(built.model, files[_words(export)].path)
        sessions = {
            words: file.open()
            for export, (words, file) in zip(_FILES, files.items(), strict=True)
            if export.lengths in ((), (TOKENS,))
        }
        logits = built.logits(sessions, progress)
        table = []
        for export, (words, file) in zip(_FILES, files.items(), strict=True):
            cells = [words, file.megabytes, f"{_own_mib(export, file.path):.1f}"]
            if words in sessions:
                cells += built.timed(sessions[words], sessions[_words(_INT8)], _ROUNDS, progress)
                cells += built.scored(logits[words], logits[_words(_FLOAT)])
            table.append([*cells, *[""] * (8 - len(cells))])
    print(markdown_table(["file", "MB", "model MiB", *TIMED, *SCORED], table))


def _words(export: Export) -> str:
    tokens = f", {' and '.join(map(str, export.lengths))} tokens" if export.lengths else ""
    return f"{export.format} {export.precision.upper()}{tokens}"


def _own_mib(export: Export, path: Path) -> float:
    """Return the peak memory of a process with the file less that of one with its runtime alone, MiB.

    A text of each length is answered, because each signature has its own working memory.
    """
    with Child(1, usable_cores()[:1], steady_heap=True) as child:
        before = child.imports(export.runtime).peak
        child.open(File(export.runtime, path))
        child.requests([[1] * length for length in export.lengths or (TOKENS,)])
        for number in range(len(_LENGTHS)):
            child.run(number)
        return child.memory().peak - before


if __name__ == "__main__":
    main()
