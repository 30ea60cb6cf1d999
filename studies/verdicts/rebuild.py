"""Gates ten builds of a recipe against an eleventh; they differ only in the seed, so every alarm is false."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

RECIPE = "smoke"
BUILDS = 10
_ENTRY = "from pocketbert.bench.cli import main; main()"


def rebuild_verdicts(folder: Path, done: Callable[[], None]) -> list[dict[str, Any]]:
    """Return every verdict of builds 2 to 11 against the baseline made from build 1; finished builds are reused.

    Raises:
        RuntimeError: a build failed, or a gate run ended with another exit code than 0 or 1.
    """
    baseline = folder / "baseline.json"
    found: list[dict[str, Any]] = []
    for seed in range(1, BUILDS + 2):
        reports = folder / f"seed-{seed}"
        results = reports / f"{RECIPE}.json"
        if not results.is_file():
            out = folder / f"build-{seed}"
            _call("-c", _ENTRY, "build", f"recipes/{RECIPE}.toml", "--set", f"seed={seed}", "--artifacts-dir", str(out))
            gate = ["-m", "pytest", "bench", "-q", "--gate-profiles=mobile-1t", f"--gate-store={folder / 'store'}"]
            gate += [f"--gate-manifest={out / RECIPE / 'manifest.json'}", f"--gate-reports={reports}"]
            gate += [f"--gate-baseline={baseline}", *(["--gate-first-run"] if seed == 1 else [])]
            _call(*gate, allowed=(0, 1))
        if seed == 1 and not baseline.exists():
            _call("-c", _ENTRY, "baseline", "update", str(results), "--baseline", str(baseline), "--yes")
        if seed > 1:
            verdicts = json.loads(results.read_text(encoding="utf-8"))["verdicts"]
            found += [{key: v[key] for key in ("metric", "outcome", "message")} | {"seed": seed} for v in verdicts]
        done()
    return found


def _call(*words: str, allowed: tuple[int, ...] = (0,)) -> None:
    ended = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    if ended.returncode not in allowed:
        last_words = ended.stdout[-2000:] + ended.stderr[-2000:]
        raise RuntimeError(f"{' '.join(words)} ended with {ended.returncode}:\n{last_words}")
