"""Figures from real devices, beside the simulated profiles and never mistaken for them."""

from pocketbert.bench.records.results import OnPhone, Results
from pocketbert.bench.report.format.choose import headline
from pocketbert.bench.report.format.markdown import code, table, text
from pocketbert.bench.report.format.numbers import mebibytes, milliseconds, times


def headers(results: Results) -> list[str]:
    """One column title per device."""
    return [f"**{text(device)}**, {_at(shown)}" for device, shown in _shown(results).items()]


def cells(results: Results, artifact: str) -> list[str]:
    """P50 and P90 of an artifact on each device, at the length that the column is about."""
    found = []
    for shown in _shown(results).values():
        figure = next((f for f in shown if f.artifact == artifact), None)
        found.append(_both(figure) if figure else "")
    return found


def note(results: Results) -> str:
    """Whose figures they are."""
    devices = ", ".join(f"**{text(device)}**" for device in _shown(results))
    if not devices:
        return ""
    return (
        f"<sub>{devices}: a real device; its figures were handed in, not taken by pocketbert, and are never judged. "
        "The other columns are simulated on this machine.</sub>"
    )


def details(results: Results) -> str:
    """Every figure, beside the simulated profile of as many threads."""
    rows = []
    for f in results.phone:
        simulated = _simulated(results, f)
        rows.append(
            [
                text(f.device),
                code(f.artifact),
                text(f.note),
                text(f.length),
                str(f.threads or ""),
                milliseconds(f.p50_ms),
                milliseconds(f.p90_ms) if f.p90_ms else "",
                f"{f.runs:,}" if f.runs else "",
                mebibytes(f.peak_mib) if f.peak_mib else "",
                f"{simulated[0]}: {times(f.p50_ms / simulated[1])}" if simulated else "",
            ]
        )
    titles = ["device", "model", "note", "length", "threads", "P50, ms", "P90, ms", "runs", "peak memory"]
    return table([*titles, "× simulated P50"], rows, words=3) if rows else ""


def _shown(results: Results) -> dict[str, list[OnPhone]]:
    """Device -> its figures at the headline's length, else at the first length that it has."""
    first = headline(results)
    shown = {}
    for device in dict.fromkeys(f.device for f in results.phone):
        figures = [f for f in results.phone if f.device == device]
        lengths = [f.length for f in figures]
        length = first[1] if first and first[1] in lengths else lengths[0]
        shown[device] = [f for f in figures if f.length == length]
    return shown


def _at(shown: list[OnPhone]) -> str:
    """Length and threads, where they are the same for all."""
    threads = {f.threads for f in shown}
    length = "real length mix" if shown[0].length == "mix" else f"{shown[0].length} tokens"
    one = next(iter(threads))
    return f"{length}, {one} threads" if len(threads) == 1 and one and one > 1 else length


def _both(figure: OnPhone) -> str:
    p50 = milliseconds(figure.p50_ms)
    return f"{p50} / {milliseconds(figure.p90_ms)}" if figure.p90_ms else p50


def _simulated(results: Results, figure: OnPhone) -> tuple[str, float] | None:
    """Name and P50, ms, of the profile of as many threads at that length, a phone's before this machine's."""
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
