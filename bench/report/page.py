"""`reports/<recipe>.md`, assembled: one screen that says it all, the details folded below it."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from pocketbert.bench.records.history import load, path_of
from pocketbert.bench.records.results import Results
from pocketbert.bench.report.format.markdown import code, fold, moment, text
from pocketbert.bench.report.format.numbers import duration, percent, points, points_between
from pocketbert.bench.report.plots import draw_all
from pocketbert.bench.report.sections import guarded, judged, lead, why, zeros
from pocketbert.bench.report.sections import measured as sections
from pocketbert.bench.report.sections import phone as on_phone
from pocketbert.compress.base.files import atomic_write

ALT = {
    "accuracy-latency.svg": "Accuracy against latency; the area of a bubble is the size on disk",
    "beside-baseline.svg": "Distribution of single-request latencies, the baseline behind the candidate",
    "history.svg": "Latency, memory, size and accuracy from commit to commit; baseline updates are marked",
    "guard.svg": "The metric after every step, with what the guard allows and what it rejected",
    "latency.svg": "Distribution of single-request latencies in each profile",
    "memory.svg": "Resident memory over time, teacher and what ships",
    "size.svg": "Bytes on disk of embeddings, attention, FFN and head",
}
WHY = (
    "The baseline's file and the new one, looked into after the timed runs. Operators: nodes per request and the time "
    "of each, by the runtime's own profiler, which slows what it watches. Libraries: beside the baseline's own file "
    "both ran with today's, so one that moved can only have acted through the build."
)


def write_report(results: Results, file: Path) -> Path:
    """Write the report of the results in `file`, ``….json``, as ``….md`` beside it and its pictures as ``…/*.svg``;
    returns the path of the Markdown.

    The runs before this one are drawn from the history that lies there. The same results and history give the same
    bytes.
    """
    records = [] if results.part else load(path_of(file.parent, results.recipe))
    pictures = draw_all(results, records, file.with_suffix(""))
    path = file.with_suffix(".md")
    with atomic_write(path) as temporary:
        temporary.write_text(compose(results, pictures, file), encoding="utf-8")
    return path


def compose(results: Results, pictures: list[str], file: Path) -> str:
    """The Markdown of the results in `file`; `pictures` names what lies in the folder of the same name."""

    def picture(name: str) -> str:
        return f"![{ALT[name]}]({quote(file.stem)}/{name})" if name in pictures else ""

    said = [*lead.guard_lines(results), lead.control_line(results), lead.foreign_line(results, file)]
    warnings = [f"- {line}" for line in said if line]
    blocks = [
        f"# pocketbert report: {text(results.recipe)}",
        lead.verdict_line(results),
        "Only a part was weighed: what the options `-k` and `-m` left." if results.part else "",
        "\n".join(filter(None, [*warnings, judged.noteworthy(results, file), *why.lines(results)])),
        lead.headline_figures(results),
        zeros.line(results),
        picture("accuracy-latency.svg"),
        sections.overview(results),
        _legend(results),
        sections.latency_overview(results),
        on_phone.note(results),
        sections.not_measured(results),
        *_folds(results, picture),
        _made(results, file),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _folds(results: Results, picture: Callable[[str], str]) -> list[str]:
    folds = []
    if table := judged.verdicts(results):
        source = f"Judged against {code(results.baseline)}." if results.baseline else "There is no baseline yet."
        source += (
            " Latency is a multiple of what the same run measured beside it: the baseline's own file, else the teacher."
        )
        folds.append(fold(f"<b>All verdicts</b>: {judged.verdict_counts(results)}", source, table))
    if (table := judged.paired(results)) and any(v.metric == "latency" for v in results.verdicts):
        folds.append(
            fold(
                "<b>Beside the baseline</b>: the same requests, in turn",
                picture("beside-baseline.svg"),
                _beside(results) if results.paired else "No pair was timed.",
                table,
            )
        )
    if results.why:
        # No Markdown in a summary: GitHub and GitLab take it for HTML.
        artifacts = ", ".join(f"<code>{text(found.artifact)}</code>" for found in results.why)
        folds.append(fold(f"<b>Why it regressed</b>: {artifacts}", WHY, why.tables(results)))
    if table := judged.flipped(results):
        lost, won = sum(f.lost for f in results.flips), sum(f.won for f in results.flips)
        folds.append(fold(f"<b>Rows that flipped</b>: {lost} lost, {won} won over all artifacts", table))
    if table := guarded.guard(results):
        folds.append(
            fold(
                f"<b>The guard's decisions</b>: {guarded.guard_counts(results)}",
                picture("guard.svg"),
                "After each step of the build the model is compared with the fine-tuned teacher, row by row on the "
                f"validation split; a drop of {points(results.max_drop)} points is allowed.",
                table,
            )
        )
    if (table := guarded.linear_control(results)) and results.linear_control:
        c = results.linear_control.comparison
        folds.append(
            fold(
                f"<b>Linear control</b>: teacher {percent(c.value)}, linear model {percent(c.reference)}, "
                f"gain {points(-c.drop)} points ({points_between(-c.high, -c.low)})",
                table,
            )
        )
    if table := sections.latency_details(results):
        folds.append(
            fold(
                "<b>Latency</b>: every profile and length",
                picture("latency.svg"),
                "Single requests (batch 1), timed in turn with the teacher. The speed-up is the ratio of the P50s, "
                "with its interval; milliseconds belong to this machine.",
                table,
                sections.tokenizer_note(results),
            )
        )
    if table := on_phone.details(results):
        folds.append(fold("<b>Real devices</b>: figures handed in", table))
    if table := sections.memory_details(results):
        folds.append(fold("<b>Memory</b>: over time, and at its peak", picture("memory.svg"), table))
    if table := sections.size_parts(results):
        folds.append(fold("<b>Size</b>: where the bytes are", picture("size.svg"), table))
    if table := sections.scores(results):
        folds.append(fold("<b>Scores</b> on the test split, and agreement with PyTorch", table))
    if trend := picture("history.svg"):
        note = (
            "One point for each commit and machine. Lines break where ratios and memory cannot be compared any more: "
            "on another machine, or beside another teacher."
        )
        folds.append(fold("<b>History</b>: every metric from commit to commit", trend, note))
    if table := sections.profiles(results):
        folds.append(fold("<b>Profiles</b>: threads and cores", table))
    folds.append(fold("<b>Machine and library versions</b>", sections.machine(results)))
    return folds


def _beside(results: Results) -> str:
    """What a pair is, and what it says."""
    other = (
        f"Both sides hold the same file; the baseline's runs under another interpreter ({text(_versions(results))})."
        if results.other_versions
        else "The baseline's own file, out of the artifact store, and the new one, each in a fresh process."
    )
    return (
        f"{other} They answer single requests in turn; each pair of processes counts once, and pairs are taken until "
        "the interval (valid at every look) clears the threshold. A run that lost its core is counted by its CPU time "
        "on one thread and left out on several. ▲ and ▼ stand where the whole interval lies beyond nothing."
    )


def _versions(results: Results) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(results.other_versions.items()))


def _legend(results: Results) -> str:
    """What the columns mean, once, for whoever opens the first report of their life."""
    if not results.artifacts:
        return ""
    return (
        "<sub>Figures in brackets are intervals, except for memory: there the artifact's own share, without the "
        "runtime and its libraries. Deflated: as an app bundle carries it. Only what ships is gated.</sub>"
    )


def _made(results: Results, file: Path) -> str:
    lines = [line.strip() for line in (results.build_command, results.command) if line.strip()]
    command = "\n".join(["```sh", *lines, "```"]) if lines else ""
    of = f" of commit {code(results.commit[:12])}" if results.commit else ""
    made = f"Made {moment(results.created)}{of} in {duration(results.seconds)} by"
    if not command:
        made = made.removesuffix(" by")
    numbers = f"Every number is in [{text(file.name)}]({quote(file.name)})."
    return "\n\n".join(filter(None, [made + (":" if command else "."), command, numbers]))
