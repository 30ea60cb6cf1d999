"""`reports/<recipe>.md`: the conclusion first, and folded details below it."""

from pathlib import Path
from urllib.parse import quote

from pocketbert.bench.records.history import load, path_of
from pocketbert.bench.records.results import Results
from pocketbert.bench.report import html, pull_request
from pocketbert.bench.report.checks import Check, checks, counted, why_copies
from pocketbert.bench.report.format import choose
from pocketbert.bench.report.format.markdown import bullets, code, fence, fold, moment, paragraphs, text
from pocketbert.bench.report.format.numbers import duration, pp
from pocketbert.bench.report.format.strip import LEGEND
from pocketbert.bench.report.plots import draw_all, pictures
from pocketbert.bench.report.sections import guarded, judged, lead, library, measured, phone, tested, why, zeros
from pocketbert.compress.base.files import atomic_write

WHY = (
    "Differences between the baseline's file and the new one, collected after the timed runs. Operators: nodes and "
    "time per request by the runtime's profiler; profiling adds overhead, so the times show which operator got slower, "
    "not how much slower the model is. Libraries: both files ran with today's libraries, so another version can only "
    "have acted through the build."
)
_SIGNS = "A change has its 95 % CI in brackets. Accuracy changes in percentage points (pp); negative means worse."
_PAIRS = (
    "Single requests, timed in turn by pairs of fresh processes. Pairs are added until the sequential 95 % interval "
    "lies above or below the limit, or the time budget is spent. Preempted runs lost their core to another process: on "
    "one thread their CPU time counts, on several threads they are left out."
)


def write_report(results: Results, file: Path) -> Path:
    """Write the pages of the results in `file`, ``….json``, next to it.

    They are the report ``….md`` with its pictures ``…/*.svg``, the comment for a pull request ``….pr.md``, and the page
    ``….html``. Earlier runs are taken from the history in the same folder. Equal results and history give equal bytes.

    Returns:
        The path of the report.
    """
    records = [] if results.part else load(path_of(file.parent, results.recipe))
    drawn = draw_all(results, file.with_suffix(""))
    pages = {
        ".md": compose(results, drawn, file),
        ".pr.md": pull_request.compose(results, file),
        ".html": html.compose(results, records),
    }
    for suffix, content in pages.items():
        with atomic_write(file.with_suffix(suffix)) as temporary:
            temporary.write_text(content, encoding="utf-8")
    return file.with_suffix(".md")


def compose(results: Results, drawn: list[str], file: Path) -> str:
    """Return the Markdown of the results in `file`; `drawn` lists the pictures in the folder of the same name."""
    unplaced = {
        name: f"![{module.TITLE}]({quote(file.stem)}/{name})" for name, module in pictures().items() if name in drawn
    }
    found = checks(results)
    shown = _first(results, found)
    remarks = [*judged.noteworthy(results, found, file), *why.lines(results), *lead.warnings(results, file)]
    blocks = [
        f"# pocketbert report: {text(results.recipe)}",
        tested.undecided_line(results),
        lead.verdict_line(results, found),
        "Only a part was measured: what the options `-k` and `-m` left." if results.part else "",
        pull_request.changes(shown, found, results.same_file),
        f"<sub>{_SIGNS} Last column: {LEGEND}.</sub>" if any(check.limits for check in shown) else "",
        unplaced.pop("forest.svg", ""),
        bullets([*remarks, *tested.lines(results)]),
        lead.headline_figures(results),
        zeros.line(results),
        measured.overview(results),
        unplaced.pop("accuracy-latency.svg", ""),
        measured.latency_overview(results),
        phone.note(results),
        measured.not_measured(results),
        *_folds(results, found, unplaced),
        _origin(results, file),
    ]
    return paragraphs(*blocks) + "\n"


def _first(results: Results, found: list[Check]) -> list[Check]:
    """Return the checks of the first screen: those that did not pass, and those of the fastest exported model."""
    headline = choose.headline_artifact(results)
    real = [check for check in found if not check.copy]
    shown = [
        check
        for check in real
        if check.verdict.outcome not in ("ok", "improved") or (headline and check.verdict.artifact == headline.id)
    ]
    return shown[: pull_request.ROWS]


def _folds(results: Results, found: list[Check], unplaced: dict[str, str]) -> list[str]:
    """Return the folded details; pictures of `unplaced` that they do not use get their own fold."""

    def picture(name: str) -> str:
        return unplaced.pop(name, "")

    timed = any(v.metric == "latency" for v in results.verdicts)
    # no Markdown in a summary: GitHub and GitLab take it for HTML
    regressed = ", ".join(f"<code>{text(found.artifact)}</code>" for found in results.why)
    lost, won = sum(f.lost for f in results.flips), sum(f.won for f in results.flips)
    return [
        fold(
            f"<b>All checks</b>: {counted(found)}",
            judged.every_check(found, bool(results.baseline)),
            intro=_compared_with(results),
            note=f"Not repeated: {text(copies)}." if (copies := why_copies(found)) else "",
        ),
        fold(
            "<b>Paired timings</b>: the baseline's file and the new one",
            judged.paired(results) if timed and (results.paired or results.unpaired) else "",
            intro=_pairing(results),
        ),
        fold(f"<b>Why it regressed</b>: {regressed}", why.tables(results), intro=WHY),
        fold(f"<b>Prediction flips</b>: {lost:,} negative, {won:,} positive, over all files", judged.flipped(results)),
        fold(
            f"<b>Build steps</b>: {guarded.guard_counts(results)}",
            guarded.guard(results),
            intro=paragraphs(
                picture("guard.svg"),
                "After each step the model is compared with the fine-tuned teacher on the same validation examples. "
                f"Limit: {pp(-results.max_drop)}.",
                lead.inconclusive_line(results),
            ),
        ),
        fold(f"<b>Linear baseline</b>: {guarded.linear_control_figures(results)}", guarded.linear_control(results)),
        fold("<b>Every model</b>: stages included", measured.every_model(results)),
        fold(
            "<b>Latency</b>: every profile and length",
            measured.latency_details(results),
            intro=paragraphs(
                picture("latency.svg"),
                "Single requests (batch 1), timed in turn with the teacher. The speed-up is the mean of the "
                "ratios in each turn, so that it can differ from the ratio of the milliseconds.",
            ),
            note=paragraphs(measured.tokenizer_note(results), measured.padding_note(results)),
        ),
        fold("<b>Real devices</b>: figures that you added", phone.details(results)),
        fold("<b>Memory</b> at its peak", measured.memory_details(results), intro=picture("memory.svg")),
        fold(
            "<b>Size</b>: bytes by part",
            measured.size_parts(results),
            intro=picture("size.svg"),
            note=library.note(results),
        ),
        fold("<b>Scores</b> on the test split, and agreement with PyTorch", measured.scores(results)),
        fold("<b>More pictures</b>", paragraphs(*unplaced.values())),
        fold("<b>Profiles</b>: threads and cores", measured.profiles(results)),
        fold("<b>Machine and library versions</b>", measured.machine(results)),
    ]


def _compared_with(results: Results) -> str:
    """Name the baseline, and what its updates add up to."""
    if not results.baseline:
        return "There is no baseline yet."
    since = "".join(f" {text(str(found))}." for found in results.since)
    return (
        f"Compared with {code(results.baseline)}.{since} Latency: with the baseline's own file, timed side by side, "
        "else by the ratio to the teacher."
    )


def _pairing(results: Results) -> str:
    """Explain the pairs of processes."""
    if not results.paired:
        return "No pair was timed."
    versions = ", ".join(f"{name} {version}" for name, version in sorted(results.other_versions.items()))
    sides = (
        f"Both sides have the same file; the baseline's side runs under another interpreter ({text(versions)})."
        if versions
        else "The baseline's own file comes from the artifact store."
    )
    return f"{sides} {_PAIRS}"


def _origin(results: Results, file: Path) -> str:
    """State time, commit and duration of the run, its commands, and the files with its numbers."""
    lines = [line.strip() for line in (results.build_command, results.command) if line.strip()]
    of = f" of commit {code(results.commit[:12])}" if results.commit else ""
    made = f"Made {moment(results.created)}{of} in {duration(results.seconds)}"
    page = file.with_suffix(".html").name
    return paragraphs(
        f"{made} by:" if lines else f"{made}.",
        fence(lines, "sh"),
        f"Every number is in [{text(file.name)}]({quote(file.name)}). Distributions, flips and the history over "
        f"commits are in [{text(page)}]({quote(page)}).",
    )
