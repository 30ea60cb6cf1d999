"""`reports/<recipe>.md`: a summary that fits one screen, and folded details below it."""

from pathlib import Path
from urllib.parse import quote

from pocketbert.bench.records.history import load, path_of
from pocketbert.bench.records.results import Results
from pocketbert.bench.report.format.markdown import bullets, code, fence, fold, moment, paragraphs, text
from pocketbert.bench.report.format.numbers import duration, points
from pocketbert.bench.report.plots import draw_all, pictures
from pocketbert.bench.report.sections import guarded, judged, lead, library, measured, phone, tested, why, zeros
from pocketbert.compress.base.files import atomic_write

WHY = (
    "The baseline's file and the new one, looked into after the timed runs. Operators: nodes per request and the time "
    "of each, by the runtime's own profiler, which slows what it watches. Libraries: beside the baseline's own file "
    "both ran with today's, so one that moved can only have acted through the build."
)
LEGEND = (
    "<sub>Figures in brackets are intervals, except for memory: there the artifact's own share, without the "
    "runtime and its libraries. Deflated: as an app bundle carries it. Only what ships is gated.</sub>"
)


def write_report(results: Results, file: Path) -> Path:
    """Write the report of the results in `file`, ``….json``: ``….md`` and its pictures ``…/*.svg`` next to it.

    Earlier runs are drawn from the history in the same folder. Equal results and history give equal bytes.

    Returns:
        The path of the Markdown.
    """
    records = [] if results.part else load(path_of(file.parent, results.recipe))
    drawn = draw_all(results, records, file.with_suffix(""))
    path = file.with_suffix(".md")
    with atomic_write(path) as temporary:
        temporary.write_text(compose(results, drawn, file), encoding="utf-8")
    return path


def compose(results: Results, drawn: list[str], file: Path) -> str:
    """Return the Markdown of the results in `file`; `drawn` lists the pictures in the folder of the same name."""
    unplaced = {
        name: f"![{module.ALT}]({quote(file.stem)}/{name})" for name, module in pictures().items() if name in drawn
    }
    lines = [*lead.guard_lines(results), lead.control_line(results), lead.other_machine_line(results, file)]
    lines += tested.lines(results)
    blocks = [
        f"# pocketbert report: {text(results.recipe)}",
        tested.undecided_line(results),
        lead.verdict_line(results),
        "Only a part was weighed: what the options `-k` and `-m` left." if results.part else "",
        bullets([*lines, *judged.noteworthy(results, file), *why.lines(results)]),
        lead.headline_figures(results),
        zeros.line(results),
        unplaced.pop("accuracy-latency.svg", ""),
        measured.overview(results),
        LEGEND if results.artifacts else "",
        measured.latency_overview(results),
        phone.note(results),
        measured.not_measured(results),
        *_folds(results, unplaced),
        _origin(results, file),
    ]
    return paragraphs(*blocks) + "\n"


def _folds(results: Results, unplaced: dict[str, str]) -> list[str]:
    """Return the folded details; pictures of `unplaced` that they do not use get their own fold."""

    def picture(name: str) -> str:
        return unplaced.pop(name, "")

    timed = any(v.metric == "latency" for v in results.verdicts)
    # no Markdown in a summary: GitHub and GitLab take it for HTML
    regressed = ", ".join(f"<code>{text(found.artifact)}</code>" for found in results.why)
    lost, won = sum(f.lost for f in results.flips), sum(f.won for f in results.flips)
    judged_by = f"Judged against {code(results.baseline)}." if results.baseline else "There is no baseline yet."
    judged_by += "".join(f" {text(str(found))}." for found in results.since)
    return [
        fold(
            f"<b>All verdicts</b>: {judged.verdict_counts(results)}",
            judged.verdicts(results),
            intro=f"{judged_by} Latency is a multiple of what the same run measured beside it: the baseline's own "
            "file, else the teacher.",
        ),
        fold(
            "<b>Beside the baseline</b>: the same requests, in turn",
            judged.paired(results) if timed else "",
            intro=paragraphs(picture("beside-baseline.svg"), _pairing(results)),
        ),
        fold(f"<b>Why it regressed</b>: {regressed}", why.tables(results), intro=WHY),
        fold(f"<b>Rows that flipped</b>: {lost} lost, {won} won over all artifacts", judged.flipped(results)),
        fold(
            f"<b>The guard's decisions</b>: {guarded.guard_counts(results)}",
            guarded.guard(results),
            intro=paragraphs(
                picture("guard.svg"),
                "After each step of the build the model is compared with the fine-tuned teacher, row by row on the "
                f"validation split; a drop of {points(results.max_drop)} points is allowed.",
            ),
        ),
        fold(f"<b>Linear control</b>: {guarded.linear_control_figures(results)}", guarded.linear_control(results)),
        fold(
            "<b>Latency</b>: every profile and length",
            measured.latency_details(results),
            intro=paragraphs(
                picture("latency.svg"),
                "Single requests (batch 1), timed in turn with the teacher. The speed-up is the ratio of the P50s, "
                "with its interval; milliseconds belong to this machine.",
            ),
            note=paragraphs(measured.tokenizer_note(results), measured.padding_note(results)),
        ),
        fold("<b>Real devices</b>: figures handed in", phone.details(results)),
        fold(
            "<b>Memory</b>: over time, and at its peak", measured.memory_details(results), intro=picture("memory.svg")
        ),
        fold(
            "<b>Size</b>: where the bytes are",
            measured.size_parts(results),
            intro=picture("size.svg"),
            note=library.note(results),
        ),
        fold("<b>Scores</b> on the test split, and agreement with PyTorch", measured.scores(results)),
        fold(
            "<b>History</b>: every metric from commit to commit",
            picture("history.svg"),
            note="One point for each commit and machine. Lines break where ratios and memory cannot be compared any "
            "more: on another machine, or beside another teacher.",
        ),
        fold("<b>More pictures</b>", paragraphs(*unplaced.values())),
        fold("<b>Profiles</b>: threads and cores", measured.profiles(results)),
        fold("<b>Machine and library versions</b>", measured.machine(results)),
    ]


def _pairing(results: Results) -> str:
    """Explain the pairs of processes."""
    if not results.paired:
        return "No pair was timed."
    versions = ", ".join(f"{name} {version}" for name, version in sorted(results.other_versions.items()))
    sides = (
        f"Both sides hold the same file; the baseline's runs under another interpreter ({text(versions)})."
        if versions
        else "The baseline's own file, out of the artifact store, and the new one, each in a fresh process."
    )
    return (
        f"{sides} They answer single requests in turn; each pair of processes counts once, and pairs are taken until "
        "the interval (valid at every look) clears the threshold. A run that lost its core is counted by its CPU time "
        "on one thread and left out on several. ▲ and ▼ stand where the whole interval lies beyond nothing."
    )


def _origin(results: Results, file: Path) -> str:
    """State time, commit and duration of the run, its commands, and the file of its numbers."""
    lines = [line.strip() for line in (results.build_command, results.command) if line.strip()]
    of = f" of commit {code(results.commit[:12])}" if results.commit else ""
    made = f"Made {moment(results.created)}{of} in {duration(results.seconds)}"
    return paragraphs(
        f"{made} by:" if lines else f"{made}.",
        fence(lines, "sh"),
        f"Every number is in [{text(file.name)}]({quote(file.name)}).",
    )
