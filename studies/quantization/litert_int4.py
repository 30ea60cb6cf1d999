"""``.tflite`` files by precision and lengths: size, memory, time and accuracy.

`python -m studies.quantization.litert_int4 [FOLDER]` exports the model of a stage of a build of `recipes/offline.toml`
(by default artifacts/offline/stages/03-prune-vocab) in each way. Files for 128 tokens, and the INT8 file of ONNX, are
scored on the test rows, one text at a time. Each is timed in turn with LiteRT's INT8 file: pairs in one process, one
thread, batch 1, 128 tokens. (Of more than two files in turn, the first and the last would find their weights in the
cache, because their turns follow each other.)
"""

import sys
import tempfile
from pathlib import Path
from statistics import median

from pocketbert.bench.machine.cores import usable_cores
from pocketbert.bench.workers.child import Child
from pocketbert.bench.workers.file import File
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.data.texts import read_texts
from pocketbert.compress.manifest import Comparison
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.pipeline.shipping.artifact import Export
from pocketbert.compress.pipeline.steps.step import TOKENIZER
from pocketbert.compress.runtimes import open_session
from pocketbert.compress.tasks.inputs import predict
from pocketbert.compress.tasks.tokenizer import load_tokenizer
from studies.shared.page import in_points, markdown_table
from studies.shared.race import race, ratio
from studies.shared.shapes import TOKENS, one_text

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
    folder = Path(sys.argv[1] if sys.argv[1:] else "artifacts/offline/stages/03-prune-vocab")
    texts = read_texts(load_recipe(Path("recipes/offline.toml")).task)
    rows = texts.splits["test"]
    inputs = texts.task.encode(load_tokenizer(folder / TOKENIZER), rows)
    model = load_classifier(folder / "model").eval()
    with tempfile.TemporaryDirectory() as name, Progress() as progress:
        sizes, memory, sessions, logits = {}, {}, {}, {}
        for export in _FILES:
            words, path = _words(export), Path(name) / export.file
            progress.say(f"exporting {words}")
            export.write(model, path)
            sizes[words], memory[words] = path.stat().st_size, _own_mib(export, path)
            if export.lengths in ((), (TOKENS,)):
                sessions[words] = open_session(export.runtime, path, 1)
        for words, session in sessions.items():
            with progress.work(f"scoring: {words}", len(inputs)) as bar:
                logits[words] = predict(session.logits, inputs, 1, bar.advance)
    text = one_text(words=model.config.vocab_size)
    table = []
    for words, size in sizes.items():
        cells = [words, f"{size / 1e6:.2f}", f"{memory[words]:.1f}"]
        if words in sessions:
            spent = race({"it": sessions[words], "INT8": sessions[_words(_INT8)]}, text, _ROUNDS, threads=1)
            found = Comparison.of(texts.task, rows["label"], logits[_words(_FLOAT)], logits[words], 0.95)
            same = (logits[words].argmax(1) == logits[_words(_FLOAT)].argmax(1)).mean()
            cells += [f"{median(spent['it']):.2f}", str(ratio(spent["it"], spent["INT8"]))]
            cells += [f"{found.value:.2%}", in_points(-found.drop, -found.high, -found.low), f"{same:.2%}"]
        table.append([*cells, *[""] * (8 - len(cells))])
    timed = ["P50 ms", "time / LiteRT INT8"]
    scored = ["accuracy", "change to LiteRT FP32, pp (95 % CI)", "same label as FP32"]
    print(markdown_table(["file", "MB", "own MiB", *timed, *scored], table))


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
