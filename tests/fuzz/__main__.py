"""``python -m tests.fuzz``: damaged inputs of every kind, and a table of what came of them; a fault exits with 1."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tabulate import tabulate

from pocketbert.compress.base.quiet import quiet
from tests.fuzz.harness import Found, Kind, hunt, limit_memory

SEED = 23


def main() -> int:
    """Run it; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--times", type=float, default=1.0, help="of the usual number of inputs (2,400 recipes, …)")
    parser.add_argument("--minutes", type=float, help="repeat with the next seeds until so much time is spent")
    parser.add_argument("--only", help="one kind, such as: recipes")
    arguments = parser.parse_args()
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    quiet()
    limit_memory()
    begun, seed, faults = time.monotonic(), arguments.seed, 0
    while True:
        faults += _round(seed, arguments.times, arguments.only)
        seed += 1
        if not arguments.minutes or time.monotonic() - begun > 60 * arguments.minutes:
            return int(faults > 0)


def _round(seed: int, times: float, only: str | None) -> int:
    rows, faults = [], 0
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        for name, make in _kinds(Path(folder)).items():
            if only not in (None, name):
                continue
            kind = make()
            begun = time.monotonic()
            found = hunt(kind, max(1, round(kind.count * times)), seed)
            _show(name, found)
            faults += found.tracebacks + found.messages
            seconds = f"{time.monotonic() - begun:.0f} s"
            rows.append([name, found.inputs, found.read, found.tracebacks, found.messages, seconds])
    print(tabulate(rows, headers=["kind", "inputs", "read", "tracebacks", "bad messages", "took"]))
    print(f"seed {seed}")
    return faults


def _kinds(folder: Path) -> dict[str, Callable[[], Kind]]:
    from tests.fuzz.files import data, models
    from tests.fuzz.recipes import recipes
    from tests.fuzz.records import baselines, manifests, results
    from tests.support.models import write_tiny_data, write_tiny_model

    def first() -> Kind:
        home = folder / "recipes"
        model = write_tiny_model(home / "right-model", num_hidden_layers=1)
        return recipes(home, write_tiny_data(home / "right-data", rows=12), model)

    return {
        "recipes": first,
        "manifests": lambda: manifests(folder / "manifests"),
        "baselines": lambda: baselines(folder / "baselines"),
        "results": lambda: results(folder / "results"),
        "data": lambda: data(folder / "data"),
        "models": lambda: models(folder / "models"),
    }


def _show(name: str, found: Found) -> None:
    for fault, inputs in sorted(found.faults.items(), key=lambda item: -len(item[1])):
        print(f"{name}: {len(inputs)} × {fault}\n    such as {inputs[0]!a}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
