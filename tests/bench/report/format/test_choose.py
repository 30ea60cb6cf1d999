"""Which place, artifact and name the report shows."""

import pytest

from pocketbert.bench.records.results import Place, Profile, Results
from pocketbert.bench.report.format import choose
from tests.support.results import INT8, TEACHER


def only(results: Results, *places: tuple[str, str]) -> Results:
    """The results with the timings at these places alone."""
    artifacts = [
        a.model_copy(update={"latency": [m for m in a.latency if m.place in places]}) for a in results.artifacts
    ]
    return results.model_copy(update={"artifacts": artifacts})


def test_the_headline_is_mobile_1t_at_128_tokens_else_the_first_place(results: Results) -> None:
    assert choose.headline_place(results) == Place("mobile-1t", "128")
    assert choose.headline_place(only(results, ("mobile-2t", "32"), ("cpu", "mix"))) == Place("cpu", "mix")
    assert choose.headline_place(only(results)) is None


def test_places_follow_the_profiles_order(results: Results) -> None:
    assert [place.profile for place in choose.timed_places(results)] == [
        name for name in ("cpu", "mobile-1t", "mobile-2t") for _ in range(3)
    ]
    gone = results.model_copy(update={"profiles": results.profiles[1:]})
    assert choose.timed_places(gone)[-1].profile == "cpu", "a profile that is unknown now comes last"


def test_a_duplicate_profile_is_not_measured_but_named(results: Results) -> None:
    twin = Profile(name="mobile-2t", threads=2, cores=[0, 1], lengths=["128"], same_as="cpu")
    twice = results.model_copy(update={"profiles": [*results.profiles[:2], twin]})
    assert {place.profile for place in choose.measured_places(twice)} == {"cpu", "mobile-1t"}
    assert choose.in_words(Place("cpu", "128"), twice) == "cpu and mobile-2t, 128 tokens"
    assert choose.in_words(Place("cpu", "mix")) == "cpu, natural lengths"


def test_a_profile_is_shown_at_the_headlines_length_else_at_its_first(results: Results) -> None:
    places = [Place("a", "32"), Place("a", "128"), Place("b", "mix"), Place("b", "32")]
    assert choose.one_per_profile(results, places) == [Place("a", "128"), Place("b", "mix")]


def test_artifacts_are_ordered_by_role(results: Results) -> None:
    shuffled = results.model_copy(update={"artifacts": results.artifacts[::-1]})
    roles = [a.role for a in choose.by_role(shuffled)]
    assert roles == ["reference", *["stage"] * 3, *["ship"] * 3]
    exported = results.model_copy(update={"reference": INT8})
    assert choose.by_role(exported)[0].id == INT8, "the reference may be an exported file"
    teacher = choose.reference(results)
    assert teacher
    assert teacher.id == TEACHER


def test_a_stage_that_is_exported_unchanged_is_not_listed_again(results: Results) -> None:
    stage, exported = results.artifact("03-distill.torch"), results.artifact("student-fp32.torch")
    same = [a.model_copy(update={"sha256": exported.sha256}) if a is stage else a for a in results.artifacts]
    twice = results.model_copy(update={"artifacts": same})
    assert choose.copies(twice) == {"03-distill.torch": "student-fp32.torch"}
    assert len(choose.by_role(twice)) == len(results.artifacts) - 1
    assert choose.copies(results) == {}


def test_the_headline_artifact_is_the_fastest_else_the_smallest(results: Results) -> None:
    def chosen(run: Results) -> str | None:
        found = choose.headline_artifact(run)
        return found.id if found else None

    assert chosen(results) == INT8
    slow = [
        m.model_copy(update={"ratio": m.ratio.model_copy(update={"estimate": 3.0})})
        for m in results.artifact(INT8).latency
    ]
    artifacts = [a.model_copy(update={"latency": slow}) if a.id == INT8 else a for a in results.artifacts]
    assert chosen(results.model_copy(update={"artifacts": artifacts})) == "student-fp32.onnx"
    assert chosen(only(results)) == INT8
    assert chosen(results.model_copy(update={"artifacts": results.artifacts[:4]})) is None


@pytest.mark.parametrize(
    ("names", "shown"), [(["03-distill"], "distill"), (["03-distill", "04-distill"], "03-distill")]
)
def test_a_step_keeps_its_number_only_where_it_is_needed(results: Results, names: list[str], shown: str) -> None:
    steps = [results.steps[0].model_copy(update={"name": name}) for name in names]
    assert choose.step_name(steps[0], steps) == shown


def test_a_missing_profile_is_no_failure(regressed: Results) -> None:
    assert [v.profile for v in regressed.verdicts if choose.impossible_here(v)] == ["mobile-4t/128"]
