"""Time and peak memory of builds by rows, labels and length of the texts: ``python -m studies.build_memory``.

The model is tiny (2 layers of 32), so that the figures are those of rows, tokens, linear baseline and libraries. The
second build of each case finds every step in the cache. Seconds of the processor are told beside those of the clock.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tabulate import tabulate

CASES = ((6_000, 2, 40), (20_000, 2, 900), (6_372, 119, 289), (6_372, 2_000, 289), (300, 2, 100_000), (200_000, 2, 30))
"""(training rows, labels, characters of a text)."""
_CHARACTERS = [chr(0x4E00 + number) for number in range(3000)]
_SMALL = 200  # validation and test rows, at least one of each label
RECIPE = """
name = "case"
[task]
dataset = "data"
max_length = 128
[teacher]
model = "model"
epochs = {epochs}
batch_size = 32
[guard]
max_drop = 0.9
[[artifact]]
format = "torch"
"""


def main() -> None:
    """Print the table; arguments ``ROWS LABELS LENGTH [EPOCHS]`` measure this case alone."""
    chosen = [tuple(map(int, sys.argv[1:4]))] if len(sys.argv) > 3 else CASES
    recipe = RECIPE.format(epochs=sys.argv[4] if len(sys.argv) > 4 else 1)
    lines = []
    for rows, labels, length in chosen:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_model(folder / "model")
            write_rows(folder / "data", rows, labels, length)
            (folder / "case.toml").write_text(recipe, encoding="utf-8")
            figures = [build(folder) for _ in range(2)]
        lines.append([f"{rows:,}", f"{labels:,}", f"{length:,}", *(text for each in figures for text in each)])
    measured = ("s", "CPU s", "peak")
    headers = ["rows", "labels", "characters", *measured, *(f"again, {name}" for name in measured)]
    print(tabulate(lines, headers, tablefmt="github", colalign=["right"] * len(headers), disable_numparse=True))


def build(folder: Path) -> tuple[str, str, str]:
    """Build once; returns seconds of the clock and of the processor, and the peak memory of the process."""
    started = time.monotonic()
    code = f"""
import resource, sys
from pocketbert.bench.cli import main
sys.argv = ["pocketbert", "build", {str(folder / "case.toml")!r}, "--artifacts-dir", {str(folder / "artifacts")!r}]
try:
    main()
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder)
    if done.returncode:
        sys.exit(done.stderr)
    cpu, peak = map(float, done.stdout.split()[-2:])
    return f"{time.monotonic() - started:.0f}", f"{cpu:.0f}", f"{peak / 1e9:.2f} GB"


def write_rows(folder: Path, rows: int, labels: int, length: int) -> None:
    """Write three splits; a character that belongs to the label is somewhere in each text."""
    folder.mkdir()
    draw = random.Random(0)  # noqa: S311
    small = max(_SMALL, labels)
    for split, count in (("train", rows), ("validation", small), ("test", small)):
        with (folder / f"{split}.jsonl").open("w", encoding="utf-8") as file:
            for row in range(count):
                text = draw.choices(_CHARACTERS, k=length)
                text[draw.randrange(min(length, 100))] = chr(0x6000 + row % labels)
                file.write(json.dumps({"text": "".join(text), "label": f"label {row % labels:04}"}) + "\n")


def write_model(folder: Path) -> None:
    """Write a random BERT with a vocabulary of characters."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *_CHARACTERS, *(chr(0x6000 + number) for number in range(2000))]
    tokenizer = Tokenizer(models.WordPiece({token: number for number, token in enumerate(tokens)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(folder)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    BertForSequenceClassification(BertConfig(vocab_size=len(tokens), **sizes)).save_pretrained(folder)


if __name__ == "__main__":
    main()
