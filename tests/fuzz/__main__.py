"""``python -m tests.fuzz``: damaged inputs of every kind, and a table of what came of them; a fault exits with 1."""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tabulate import tabulate

from pocketbert.compress.base.quiet import quiet
from tests.fuzz.harness import FAULTS, Found, Kind, hunt, limit_memory

SEED = 23
_ROUND = 0.1
"""Share of the usual number of inputs that is tried with one seed if a time is given."""


def main() -> int:
    """Run it; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--times", type=float, help="share of the usual number of inputs (2,400 recipes, …)")
    parser.add_argument("--minutes", type=float, help="repeat with the next seeds until so much time is spent")
    parser.add_argument("--only", help="one kind, such as: recipes")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        _stay_in(Path(folder))
        quiet()
        limit_memory()
        return int(_run(arguments, Path(folder)) > 0)


def _stay_in(folder: Path) -> None:
    """Let libraries keep their temporary files, caches and settings in the folder; the network is not asked."""
    inner = {
        name: folder / "temporary" / name.lower() for name in ("HOME", "HF_HOME", "MPLCONFIGDIR", "XDG_CACHE_HOME")
    }
    for path in inner.values():
        path.mkdir(parents=True)
    tempfile.tempdir = str(folder / "temporary")
    os.environ |= {name: str(path) for name, path in inner.items()}
    os.environ |= {"TMPDIR": tempfile.tempdir, "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}


def _run(arguments: argparse.Namespace, folder: Path) -> int:
    """Try rounds of inputs until the time is spent, at least one; return the number of faults."""
    begun, seed, limit = time.monotonic(), arguments.seed, 60 * (arguments.minutes or 0.0)
    times = arguments.times or (_ROUND if arguments.minutes else 1.0)
    totals: dict[str, Found] = {}
    while True:
        for name, make in _kinds(folder / str(seed)).items():
            if arguments.only not in (None, name):
                continue
            kind = make()
            found = hunt(kind, max(1, round(kind.count * times)), seed)
            _show(name, found)
            totals[name] = found + totals.get(name, Found())
            every, spent = sum(totals.values(), Found()), time.monotonic() - begun
            print(
                f"seed {seed}, {name}: {every.inputs:,} inputs in {spent / 60:.1f} min, {every.count()} faults",
                flush=True,
            )
            if 0 < limit < spent:
                break
        shutil.rmtree(folder / str(seed), ignore_errors=True)
        seed += 1
        if time.monotonic() - begun > limit:
            break
    _tell(totals)
    return sum(totals.values(), Found()).count()


def _tell(totals: dict[str, Found]) -> None:
    rows = [
        [
            name,
            found.inputs,
            f"{found.read / found.inputs:.0%}",
            found.used,
            *map(found.count, FAULTS),
            f"{found.seconds:.0f} s",
        ]
        for name, found in totals.items()
    ]
    print(tabulate(rows, headers=["kind", "inputs", "accepted", "to the end", *FAULTS, "took"]))


def _kinds(folder: Path) -> dict[str, Callable[[], Kind]]:
    from tests.fuzz.data import data
    from tests.fuzz.manifests import manifests
    from tests.fuzz.models import models
    from tests.fuzz.recipes import recipes
    from tests.fuzz.records import baselines, others, results

    makers = (recipes, manifests, baselines, results, data, models, others)
    folder.mkdir(exist_ok=True)
    return {make.__name__: partial(make, folder / make.__name__) for make in makers}


def _show(name: str, found: Found) -> None:
    for fault, inputs in sorted(found.faults.items(), key=lambda item: -len(item[1])):
        print(f"{name}: {len(inputs)} × {fault}\n    such as {inputs[0]!a}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
