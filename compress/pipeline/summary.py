"""What a terminal shows of a build: its steps and files at the end, or its plan."""

from collections.abc import Sequence
from pathlib import Path

from tabulate import tabulate

from pocketbert.compress.base.errors import percent, printable
from pocketbert.compress.base.files import as_typed
from pocketbert.compress.manifest import Manifest, Step, lossless
from pocketbert.compress.pipeline.steps.plan import Planned


def summary(manifest: Manifest, root: Path) -> str:
    """Return the steps of a build with the guard's decisions, the exported files with their sizes, and the time."""
    metric = next((step.comparison.metric for step in manifest.steps if step.comparison), "metric")
    interval = f"change, pp ({100 * manifest.confidence:.3g} % CI)"
    headers = ("step", metric, interval, "decision")
    steps = [(printable(step.name), *_figures(step), _decision(step, manifest.steps)) for step in manifest.steps]
    files = [
        (printable(as_typed(root / artifact.path)), f"{(artifact.bytes or 0) / 1e6:,.1f} MB")
        for artifact in manifest.artifacts
        if artifact.role == "ship"
    ]
    tables = [tabulate(steps, headers, disable_numparse=True, colalign=("left", "right", "right", "left"))]
    if files:
        tables.append(tabulate(files, ("file", "size"), disable_numparse=True, colalign=("left", "right")))
    spent = sum(step.seconds for step in manifest.steps)
    files_spent = sum(step.seconds for step in manifest.steps if step.kind == "artifact")
    time = (
        f"made in {_minutes(spent)}, {_minutes(files_spent)} of them for the files (cached steps: when they were made)"
    )
    return "\n\n".join([*tables, f"{time}\nmanifest: {as_typed(root / 'manifest.json')}"])


def plan_table(planned: Sequence[Planned]) -> str:
    """Return the steps of a plan, each with the reason and the time if it is to do."""
    todo = [step for step in planned if step.why]
    rows = [
        (number, step.name, *(("to do", _time(step), step.why) if step.why else ("cached", "", "")))
        for number, step in enumerate(planned, start=1)
    ]
    table = tabulate(rows, ("", "step", "", "time", "why"), disable_numparse=True)
    total = f", {_minutes(sum(step.seconds for step in todo))}" if todo else ""
    return f"{table}\n\nto do: {len(todo)} of {len(planned)} steps{total}{_source(todo)}"


def _time(step: Planned) -> str:
    return f"{'about ' if step.estimated else ''}{_minutes(step.seconds)}"


def _source(todo: Sequence[Planned]) -> str:
    """Say where the times come from."""
    if not any(step.estimated for step in todo):
        return " by the last build" if todo else ""
    others = "" if all(step.estimated for step in todo) else "; the others are those of the last build"
    return f'\n"about": estimated from the speed of the model on validation texts{others}'


def _figures(step: Step) -> tuple[str, str]:
    """Return a step's metric, and its change against the teacher: negative is worse."""
    found = step.comparison
    if found is None:
        return "", ""
    if step.decision == "reference":
        return f"{percent(found.value, 2)}", ""
    change, low, high = (-100 * drop + 0.0 for drop in (found.drop, found.high, found.low))
    return f"{percent(found.value, 2)}", f"{change:+.2f} ({low:+.2f} to {high:+.2f})"


def _decision(step: Step, steps: Sequence[Step]) -> str:
    words = [step.decision.replace("-", " ")]
    if step.tries and step.decision == "accepted":
        asked, taken = step.tries[0].strength, [one.strength for one in step.tries if one.accepted]
        whole = asked is None or taken[-1:] == [asked]  # a layer was spared
        words.append("after retries" if whole else "at a lower strength")
    if step.unsettled and not lossless(step, steps):
        words.append("inconclusive")
    return ", ".join(words)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"
