"""Latencies from real devices, shown next to the simulated profiles and marked as not taken by pocketbert."""

from pocketbert.bench.records.results import OnPhone, Results
from pocketbert.bench.report.format.choose import headline_length, length_in_words
from pocketbert.bench.report.format.markdown import code, table, text
from pocketbert.bench.report.format.numbers import mebibytes, milliseconds, p50_p90, times


def headers(results: Results) -> list[str]:
    """Return a column title per device and number of threads."""
    return [
        f"**{text(device)}**, {text(length_in_words(shown[0].length))}{f', {threads} threads' if threads > 1 else ''}"
        for (device, threads), shown in _shown(results).items()
    ]


def cells(results: Results, artifact: str) -> list[str]:
    """Return an artifact's P50 and P90 in each column."""
    return [next((p50_p90(f) for f in shown if f.artifact == artifact), "") for shown in _shown(results).values()]


def note(results: Results) -> str:
    """Return the origin of the devices' figures."""
    devices = ", ".join(f"**{text(device)}**" for device in dict.fromkeys(f.device for f in results.phone))
    if not devices:
        return ""
    return (
        f"<sub>{devices}: measured on the device, not by pocketbert, and never compared. "
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


def _shown(results: Results) -> dict[tuple[str, int], list[OnPhone]]:
    """Return the figures of each device and number of threads, at the headline's length, else at the first length."""
    shown: dict[tuple[str, int], list[OnPhone]] = {}
    for device in dict.fromkeys(f.device for f in results.phone):
        figures = [f for f in results.phone if f.device == device]
        length = headline_length(results, [f.length for f in figures])
        for figure in (f for f in figures if f.length == length):
            shown.setdefault((device, figure.threads or 1), []).append(figure)
    return shown


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
