"""The commands of the pages, run in order as a reader would, on rows and a model small enough for a test."""

import os
import pty
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import REPO
from tests.support.manifests import PLUGIN, write_by_hand
from tests.support.models import BAD, FILLER, GOOD, write_knowing_model
from tests.support.pages import EXAMPLE, FILES, blocks, commands

OFFLINE = REPO / "reports/offline.json"
INSTALLS = {"python3", ".", "pip"}


def run(words: list[str], folder: Path) -> str:
    """What a command of a page says, asked at a terminal where everything is answered with yes; it must succeed."""
    programs = {
        "python": [sys.executable],
        "pocketbert": [sys.executable, "-c", "from pocketbert.bench.cli import main; main()"],
        "pytest": [sys.executable, "-m", "pytest", *PLUGIN, "-p", "no:cacheprovider", f"--rootdir={folder}"],
    }
    rest = [str(REPO / "bench/gate/test_gate.py") if word == "bench" else word for word in words[1:]]
    environment = {**os.environ, "PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1"}
    keyboard, terminal = pty.openpty()
    os.write(keyboard, b"y\n")
    ran = subprocess.run(
        [*programs.get(words[0], words[:1]), *rest],
        cwd=folder,
        env=environment,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    os.close(keyboard)
    os.close(terminal)
    assert ran.returncode == 0, f"{' '.join(words)}\n{ran.stdout}"
    return ran.stdout


def page(name: str) -> Iterator[list[str]]:
    """The commands of a page that install nothing."""
    for block in blocks(REPO / name, "sh"):
        yield from (words for words in commands(block) if words[0] not in INSTALLS)


def write_rows(path: Path, header: str, count: int) -> None:
    draw = random.Random(path.name)  # noqa: S311
    lines = [header]
    for row in range(count):
        words, label = (GOOD, "pos") if row % 2 else (BAD, "neg")
        lines.append(f"{''.join(draw.choices(FILLER, k=9))}{draw.choice(words)},{label}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.slow
def test_the_tutorial_from_its_first_command_to_a_green_gate(tmp_path: Path) -> None:
    header = blocks(REPO / "docs/tutorial.md", "csv")[0].splitlines()[0]
    for split, count in (("train", 200), ("validation", 80), ("test", 80)):
        write_rows(tmp_path / f"data/my-reviews/{split}.csv", header, count)
    write_knowing_model(tmp_path / "models/my-finetuned-bert", max_position_embeddings=128)
    run(["git", "init", "-q"], tmp_path)
    write_by_hand(tmp_path / "artifacts/theirs")

    said: dict[str, list[str]] = {}
    for words in [*page("docs/tutorial.md"), *page("docs/manifest.md")]:
        said.setdefault(" ".join(words[:3]), []).append(run(words, tmp_path))

    assert 'labels = ["neg", "pos"]' in said["pocketbert init mine"][0]
    assert "next: pocketbert gate mine --gate-first-run" in said["pocketbert build mine"][0]
    first, second, against = said["pocketbert gate mine"]
    assert "no baseline: nothing was compared" in first
    assert "baseline: baselines/mine.json" in second
    assert "by-hand" in said["pocketbert gate artifacts/theirs/manifest.json"][0]
    assert "baseline: baselines/pinned/v1/mine.json" in against
    assert "written: baselines/mine.json" in said["pocketbert baseline update"][0]
    assert "baselines/mine.json" in run(["git", "status", "--short"], tmp_path)
    assert "Gate passed: " in (tmp_path / "reports/mine.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_example_from_its_first_command_to_its_last(tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / name).write_bytes((EXAMPLE / name).read_bytes())
    said = [run(words, tmp_path) for words in page("docs/example/README.md")]
    assert len(said) == 5
    assert re.search(r"written: \S*models/baseline\.json", said[2])
    assert "0 failing" in said[-1]


def test_the_phones_figures_of_the_page_join_a_report(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/offline.json").write_bytes(OFFLINE.read_bytes())
    (tmp_path / "pixel.csv").write_text(blocks(REPO / "docs/phone.md", "csv")[0], encoding="utf-8")
    [words] = page("docs/phone.md")
    assert "written: reports/offline.md" in run(words, tmp_path)
    assert "**Pixel 8**" in (tmp_path / "reports/offline.md").read_text(encoding="utf-8")


def test_the_comparison_of_the_page_is_drawn(tmp_path: Path) -> None:
    for name in ("before", "after"):
        (tmp_path / f"{name}.json").write_bytes(OFFLINE.read_bytes())
    [words] = [words for words in page("docs/measuring.md") if words[1] == "compare"]
    assert "written: after-against-before.md" in run(words, tmp_path)
