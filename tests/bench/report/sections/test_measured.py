"""The tables of measured figures."""

from collections.abc import Callable

from pocketbert.bench.records.results import Failure, Profile, Results
from pocketbert.bench.report.sections import measured
from pocketbert.compress.manifest import Parity, Recorded
from tests.support.reports import rows_of
from tests.support.results import INT8, TEACHER

ROW = f"`{INT8}`"


def replaced(results: Results, **fields: object) -> Results:
    """The results with fields of the INT8 student replaced."""
    artifacts = [a.model_copy(update=fields) if a.id == INT8 else a for a in results.artifacts]
    return results.model_copy(update={"artifacts": artifacts})


def test_the_first_table_has_teacher_and_exports_with_the_speed_up_first(results: Results) -> None:
    table = measured.overview(results)
    [cells] = rows_of(table, ROW)
    assert cells[0].startswith("9.61× (")
    assert cells[1:] == ["85.9 %", "−0.6 pp (−1.3 to +0.1)", "13.9 MB", "27.0 MiB"]
    assert rows_of(table, f"`{TEACHER}`")[0][0] == "1×"
    assert "prune-heads" not in table


def test_the_table_of_every_model_has_stages_too(results: Results) -> None:
    table = measured.every_model(results)
    [cells] = rows_of(table, ROW)
    assert cells == [
        "exported", "85.9 %", "−0.6 pp (−1.3 to +0.1)", "13.4 M", "930 M", "13.9 MB", "12.8 MB",
    ]  # fmt: skip
    assert table.index(f"`{TEACHER}`") < table.index("`02-prune-heads.torch`") < table.index(ROW)


def test_a_taggers_file_shows_the_entities_that_it_keeps(results: Results) -> None:
    assert "entities" not in measured.scores(results)
    parity = Parity(max_abs_logit=0.2, label_agreement=0.97, entity_agreement=0.0, rows=256)
    tagger = measured.scores(replaced(results, parity=parity))
    assert "| same label as in PyTorch | same entities (F1) | largest logit difference |" in " ".join(tagger.split())
    assert rows_of(tagger, ROW)[0][-3:] == ["97.0 %", "0.0 %", "0.20"]
    assert rows_of(tagger, f"`{TEACHER}`")[0][-3:] == ["–", "–", "–"]


def test_a_file_of_another_platform_has_a_size_and_words_for_the_rest(results: Results) -> None:
    gone = {"latency": [], "accuracy": None, "memory": None, "not_run": True, "runtime": "coreml"}
    other = replaced(results, **gone)
    [cells] = rows_of(measured.overview(other), ROW)
    assert [cells[n] for n in (0, 1, 3, 4)] == ["not run here", "not run here", "13.9 MB", "not run here"]
    assert set(rows_of(measured.latency_overview(other), ROW)[0]) == {"not run here"}
    assert f"- {ROW}: not run here, since coreml is not on this system" in measured.not_measured(other)


def test_files_that_pad_texts_are_named_with_their_lengths(results: Results) -> None:
    assert measured.padding_note(results) == ""
    note = measured.padding_note(replaced(results, lengths=[32, 128]))
    assert note == (
        f"Each text is padded to the next length that the file takes, and timed so: {ROW} to 32 or 128 tokens."
    )


def test_a_profile_under_a_second_name_is_one_column(results: Results) -> None:
    profiles = [
        Profile(name="cpu", threads=2, cores=[0, 1], lengths=["128"]),
        Profile(name="mobile-1t", threads=1, cores=[0], lengths=["128"]),
        Profile(name="mobile-2t", threads=2, cores=[0, 1], lengths=["128"], same_as="cpu"),
    ]
    twice = results.model_copy(update={"profiles": profiles})
    assert rows_of(measured.latency_overview(twice), "P50 / P90, ms") == [
        ["cpu and mobile-2t, 128 tokens", "mobile-1t, 128 tokens"]
    ]
    assert rows_of(measured.profiles(twice), "`mobile-2t`")[0][0] == "same as `cpu`"
    assert len(rows_of(measured.latency_details(twice), "cpu and mobile-2t")) == 3 * len(results.artifacts)


def test_every_timing_is_listed_once(results: Results) -> None:
    timed = [line for line in measured.latency_details(results).splitlines() if ROW in line]
    assert len(timed) == 9


def test_mixed_lengths_are_called_natural_in_every_table(results: Results) -> None:
    tables = measured.latency_details(results) + measured.profiles(results)
    assert "32 tokens, 128 tokens, natural lengths" in tables
    assert "| natural lengths |" in tables and "mix" not in tables
    note = measured.tokenizer_note(results)
    assert note.endswith(" P50 0.214 ms.")
    assert measured.tokenizer_note(replaced(results, tokenizer_p50_ms=0.5)).endswith(" P50 0.214 to 0.500 ms.")


def test_memory_and_parts_are_listed(results: Results) -> None:
    assert rows_of(measured.memory_details(results), ROW) == [["41.0 MiB", "64.0 MiB", "68.0 MiB", "27.0 MiB"]]
    assert rows_of(measured.size_parts(results), "model") == [
        ["embeddings", "attention", "FFN", "head", "rest", "on disk"]
    ]
    assert rows_of(measured.size_parts(results), ROW)[0][0] == "6.25 MB"


def test_scores_stand_with_parity_and_say_which_are_reused(results: Results) -> None:
    assert rows_of(measured.scores(results), ROW) == [["85.9 %", "85.7 %", "99.4 %", "0.21"]]
    score = results.artifact(INT8).accuracy
    assert score
    again = replaced(results, accuracy=score.model_copy(update={"reused": True}))
    assert measured.scores(again).endswith(f"examples, libraries and machine: {ROW}.")


def test_what_was_not_measured_is_listed_with_its_reason(results: Results) -> None:
    failed = replaced(results, failures=[Failure(metric="memory", words="the child | died")])
    assert measured.not_measured(failed) == (
        f"Not measured:\n\n- profile `mobile-4t`: needs 4 cores, 2 usable\n- {ROW}: memory: the child &#124; died"
    )
    assert measured.not_measured(results.model_copy(update={"profiles": []})) == ""


def test_the_machine_is_described(results: Results) -> None:
    machine = results.machine.model_copy(update={"quota": 1.5, "smt_siblings": [[0, 1], [2, 3]]})
    table = measured.machine(results.model_copy(update={"machine": machine}))
    assert rows_of(table, "cgroup quota") == [["1.5 cores"]]
    assert rows_of(table, "cores sharing a physical one") == [["0, 1; 2, 3"]]
    assert rows_of(table, "frequency governor") == [["not readable"]]


def test_without_figures_there_is_no_table(hollow: Callable[..., Results]) -> None:
    nothing = hollow("accuracy", "latency", "memory", "size")
    tables = (measured.latency_overview, measured.latency_details, measured.memory_details, measured.size_parts)
    assert [table(nothing) for table in tables] == [""] * 4


def test_a_figure_of_another_run_is_marked_as_such(results: Results) -> None:
    one = Recorded(what="labels | alone", value=0.82, source="docs/x.md")
    shown = measured.overview(results.model_copy(update={"recorded": [one]}))
    assert shown.endswith("\n\nNot measured here: labels &#124; alone, accuracy 82.0 % (docs/x.md).")
    assert "Not measured here" not in measured.overview(results)
