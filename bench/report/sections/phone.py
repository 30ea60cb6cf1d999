"""Latencies from real devices, shown next to the simulated profiles and marked as handed in."""

from pocketbert.bench.records.results import OnPhone, Results
from pocketbert.bench.report.format.choose import headline_length, length_in_words
from pocketbert.bench.report.format.markdown import code, table, text
from pocketbert.bench.report.format.numbers import mebibytes, milliseconds, p50_p90, times


def headers(results: Results) -> list[str]:
    """Return a column title per device."""
    return [f"**{text(device)}**, {_conditions(shown)}" for device, shown in _shown(results).items()]


def cells(results: Results, artifact: str) -> list[str]:
    """Return an artifact's P50 and P90 on each device, at the column's length."""
    return [next((p50_p90(f) for f in shown if f.artifact == artifact), "") for shown in _shown(results).values()]


def note(results: Results) -> str:
    """Return the origin of the devices' figures."""
    devices = ", ".join(f"**{text(device)}**" for device in _shown(results))
    if not devices:
        return ""
    return (
        f"<sub>{devices}: a real device; its figures were handed in, not taken by pocketbert, and are never compared. "
        "The other columns are simulated on this machine.</sub>"
    )


def details(results: Results) -> str:
    """Write the table of all figures, each compared with the simulated profile of as many threads."""
    rows = []
    for f in results.phone:
        simulated = _simulated(results, f)
        rows.append(
            [
                text(f.device),
                code(f.artifact),
                text(f.note),
                text(length_in_words(f.length)),
                str(f.threads or ""),
                milliseconds(f.p50_ms),
                milliseconds(f.p90_ms) if f.p90_ms else "",
                f"{f.runs:,}" if f.runs else "",
                mebibytes(f.peak_mib) if f.peak_mib else "",
                f"{text(simulated[0])}: {times(f.p50_ms / simulated[1])}" if simulated else "",
            ]
        )
    titles = ["device", "model", "note", "length", "threads", "P50, ms", "P90, ms", "runs", "peak memory"]
    return table([*titles, "× simulated P50"], rows, words=3)


def _shown(results: Results) -> dict[str, list[OnPhone]]:
    """Return each device's figures at the headline's length, else at the first of its lengths."""
    shown = {}
    for device in dict.fromkeys(f.device for f in results.phone):
        figures = [f for f in results.phone if f.device == device]
        length = headline_length(results, [f.length for f in figures])
        shown[device] = [f for f in figures if f.length == length]
    return shown


def _conditions(shown: list[OnPhone]) -> str:
    """Return the length, and the number of threads if it is the same for all figures."""
    length, threads = text(length_in_words(shown[0].length)), {f.threads or 1 for f in shown}
    return f"{length}, {threads.pop()} threads" if len(threads) == 1 and threads != {1} else length


def _simulated(results: Results, figure: OnPhone) -> tuple[str, float] | None:
    """Return name and P50 (ms) of the profile of as many threads at that length; mobile profiles take precedence."""
    threads = {p.name: p.threads for p in results.profiles if not p.skipped}
    fits = [
        m
        for a in results.artifacts
        if a.id == figure.artifact
        for m in a.latency
        if m.length == figure.length and threads.get(m.profile) == figure.threads
    ]
    best = min(fits, key=lambda m: not m.profile.startswith("mobile"), default=None)
    return (best.profile, best.p50_ms) if best else None
