"""What the report says of the test rows."""

from pocketbert.bench.records.results import Results
from pocketbert.bench.report.page import compose
from pocketbert.bench.report.sections.tested import lines, undecided_line
from tests.support.reports import first_lines
from tests.support.results import FILE, INT8, TEACHER


def unseen(results: Results, in_train: int) -> Results:
    """Mark so many test rows as rows of train, and give every artifact a score on the others."""
    artifacts = [a.model_copy(update={"unseen": 0.75 if a.id == TEACHER else 0.25}) for a in results.artifacts]
    return results.model_copy(update={"artifacts": artifacts, "in_train": in_train})


def test_scores_of_the_unseen_rows(results: Results) -> None:
    [said] = lines(unseen(results, 1736))
    assert said.startswith(
        "**Warning:** 1,736 of 3,472 test examples (50.0 %) are in train too, or nearly; on the other "
    )
    assert said.endswith(f"1,736 examples: `{INT8}` accuracy 25.0 %, `{TEACHER}` accuracy 75.0 %.")
    assert lines(results) == []


def test_few_rows_in_train_are_no_warning(results: Results) -> None:
    [said] = lines(unseen(results, 4))
    assert said.startswith("4 of 3,472 test examples (0.1 %) are in train")
    [said] = lines(results.model_copy(update={"in_train": 3472}))
    assert said.endswith("(100.0 %) are in train too, or nearly.")


def test_unknown_tokens_are_named_from_a_thousandth_on(results: Results) -> None:
    def told(student: float) -> list[str]:
        shares = [0.0 if a.id == TEACHER else student for a in results.artifacts]
        pairs = zip(results.artifacts, shares, strict=True)
        artifacts = [a.model_copy(update={"unknown_share": share}) for a, share in pairs]
        return lines(results.model_copy(update={"artifacts": artifacts}))

    [said] = told(0.325)
    assert said.startswith("**Unknown tokens in the test texts:** 0.0 % (`teacher-fp32.torch`); 32.5 % (")
    assert "`keep`" in said
    assert told(0.001) == []


def test_a_split_that_decides_nothing_comes_first(results: Results) -> None:
    assert undecided_line(results) == ""
    page = compose(results.model_copy(update={"undecided": "hold no entity"}), [], FILE)
    [first] = first_lines(page, 1)
    assert first == "**The test split decides nothing: its examples hold no entity, so every model scores alike.**"
