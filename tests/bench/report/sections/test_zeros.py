"""Weights set to 0 in the report: a compressed size, never a speed."""

import pytest
from pydantic import ValidationError

from pocketbert.bench.records.results import Measured, Results, Size
from pocketbert.bench.report.comparison import compose as compare
from pocketbert.bench.report.page import compose
from pocketbert.bench.report.sections import zeros
from pocketbert.compress.manifest import Step
from tests.support.reports import rows_of
from tests.support.results import FILE, INT8

DENSE, SPARSE = "03-distill.torch", "04-sparsify.torch"


@pytest.fixture
def sparse(results: Results) -> Results:
    """The same run with half of the student's weights set to 0 before it ships."""
    dense = results.artifact(DENSE)
    update = {
        "id": SPARSE,
        "dense": DENSE,
        "made_from": "04-sparsify",
        "latency": [],
        "size": Size(bytes=53_900_000, deflated_bytes=31_000_000),
    }
    artifacts = [*results.artifacts[:4], dense.model_copy(update=update), *results.artifacts[4:]]
    ships = {"dense_deflated_bytes": 16_000_000}
    artifacts = [a.model_copy(update=ships) if a.id == INT8 else a for a in artifacts]
    counted = {"parameters_left": 13_400_000, "zeros": 6_700_000}
    step = Step(name="04-sparsify", kind="sparsify", decision="accepted", measured=counted)
    return results.model_copy(update={"artifacts": artifacts, "steps": [*results.steps[:4], step, *results.steps[4:]]})


def test_the_first_screen_says_what_they_take_off_each_bundle(sparse: Results) -> None:
    page = compose(sparse, [], FILE).partition("<details>")[0]
    assert (
        "**Zeros:** `04-sparsify.torch` (50.0 % of 13.4 M weights) is 31.0 MB zipped, −37.5 % against "
        "`03-distill.torch`; `student-int8.onnx` is 12.8 MB zipped, −20.1 % against the file without zeros."
    ) in page
    assert "at the same speed: `04-sparsify.torch` has the latency of `03-distill.torch`" in page


def test_no_table_has_a_time_of_zeros(sparse: Results) -> None:
    page = compose(sparse, [], FILE)
    rows = rows_of(page, f"`{SPARSE}`")
    assert rows
    assert not [cell for row in rows for cell in row if "×" in cell or " ms" in cell]
    assert SPARSE not in page.partition("<b>Latency</b>")[2].partition("</details>")[0]


def test_a_speed_of_zeros_cannot_be_written_down(sparse: Results) -> None:
    timed = sparse.artifact(DENSE).model_dump() | {"id": SPARSE, "dense": DENSE}
    with pytest.raises(
        ValidationError, match=f"{SPARSE} is a sparse copy of {DENSE} and must have no latency of its own"
    ):
        Measured.model_validate(timed)


def test_the_guard_table_counts_them(sparse: Results, results: Results) -> None:
    assert "50.0 %" in rows_of(compose(sparse, [], FILE), "`04-sparsify`")[0]
    assert "of them 0" not in compose(results, [], FILE)
    assert zeros.line(results) == ""


def test_two_runs_of_which_one_has_zeros_are_told_apart(sparse: Results, results: Results) -> None:
    assert "**Zeros**: only the second run ships weights set to 0" in compare("a", "b", results, sparse)
    assert "**Zeros**: only the first run" in compare("a", "b", sparse, results)
    assert "**Zeros**" not in compare("a", "b", sparse, sparse)


def test_a_part_of_a_run_without_the_dense_model_is_a_whole_sentence(sparse: Results) -> None:
    part = sparse.model_copy(update={"artifacts": [a for a in sparse.artifacts if not a.dense]})
    assert zeros.line(part).endswith("since dense kernels run zeros at the same speed.")
