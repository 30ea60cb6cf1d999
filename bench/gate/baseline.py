"""Finds the baseline of a run. A baseline that was lost fails the run: a renamed recipe, a deleted file, a typo."""

from difflib import get_close_matches
from pathlib import Path

from pocketbert.bench.gate.options import GateOptions
from pocketbert.bench.records import history
from pocketbert.bench.records.baseline import Baseline, check_patterns, load_baseline
from pocketbert.bench.records.pins import open_pin, pins_of, updates_since
from pocketbert.bench.records.since import Since
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.paths import exists
from pocketbert.compress.runtimes import EMULATED

_FIRST_RUN = "for the first run of a new recipe add --gate-first-run"


def open_baseline(options: GateOptions, recipe: str) -> tuple[Path, Baseline | None]:
    """Return the path of the baseline and its content; None if the recipe has no baseline yet.

    Raises:
        BadInput: there is none, and no option says that this is the first run; or it is of another recipe, or figures
            are missing in it.
    """
    if options.against and options.baseline:
        raise BadInput("--gate-against and --gate-baseline name a baseline each; give one of them")
    path = open_pin(options.baselines, options.against, recipe) if options.against else _usual(options, recipe)
    if not exists(path):
        if not options.first_run:
            raise BadInput(f"{path}: no such baseline{_lost(options, path, recipe)}; {_FIRST_RUN}")
        return path, None
    baseline = load_baseline(path)
    if baseline.recipe != recipe:
        raise BadInput(
            f"{path}: baseline of recipe {baseline.recipe!r}, but the manifest is of recipe {recipe!r}; "
            "use --gate-baseline with a baseline of that recipe"
        )
    _check_whole(path, baseline)
    return path, baseline


def _check_whole(path: Path, baseline: Baseline) -> None:
    """Refuse a baseline with limits of no artifact, or without some figures: nothing would be compared with them."""
    check_patterns(baseline.thresholds, baseline.artifacts, path)
    timed = any(entry.latency for entry in baseline.artifacts.values())  # not on every platform
    for name, entry in baseline.artifacts.items():
        figures = {"accuracy": entry.accuracy, "memory_own_mib": entry.memory_own_mib, "latency": entry.latency or None}
        missing = [key for key, value in figures.items() if value is None and (timed or key != "latency")]
        if missing and entry.runtime not in EMULATED:
            raise BadInput(
                f"{path}: artifacts.{name}: {missing[0]} is missing; restore the file, or update the baseline"
            )


def added_up(options: GateOptions, recipe: str, baseline: Baseline | None) -> list[Since]:
    """Return what the updates of the recipe's own baseline since each pinned one add up to.

    Args:
        baseline: that of the run, which may be a pinned one.
    """
    usual = _usual(options, recipe)
    if options.against:
        baseline = load_baseline(usual) if exists(usual) else None
    return updates_since(options.baselines, baseline) if baseline else []


def _usual(options: GateOptions, recipe: str) -> Path:
    return options.baseline or options.default_baseline or options.baselines / f"{recipe}.json"


def _lost(options: GateOptions, path: Path, recipe: str) -> str:
    """Return what says that there was a baseline; empty if nothing does."""
    if options.baseline:
        return " (--gate-baseline)"
    if options.default_baseline:
        return ", which [tool.pocketbert] names"
    past = history.path_of(options.reports, recipe)
    if had := [record.baseline for record in history.load(past) if record.baseline]:
        return f", but {past} has runs that were compared with one of {had[-1]}; restore it"
    if any(pins_of(options.baselines, recipe)):
        return ", but the recipe has pinned ones; restore it"
    # A killed update leaves a hidden file.
    others = [other.stem for other in sorted(options.baselines.glob("[!.]*.json"))]
    if not others:
        return ""
    [nearest] = get_close_matches(recipe, others, n=1, cutoff=0)
    count = f"{len(others)} other recipes have one" if len(others) > 1 else "another recipe has one"
    return f", but {count}; nearest name: {nearest!r}, if the recipe was renamed"
