"""The report counts the runtime library beside the model."""

import pytest

from pocketbert.bench.records.results import Results
from pocketbert.bench.report.page import compose
from pocketbert.bench.report.sections import library
from tests.support.results import FILE, INT8


@pytest.mark.parametrize(
    ("changes", "told"),
    [({}, True), ({"role": "stage"}, False), ({"runtime": "torch"}, False), ({"size": None}, False)],
)
def test_shipped_files_of_onnx_runtime_are_counted_with_its_library(
    changes: dict[str, str], told: bool, results: Results
) -> None:
    artifacts = [a.model_copy(update=changes) for a in results.artifacts if a.id == INT8]
    one = results.model_copy(update={"artifacts": artifacts})
    size = artifacts[0].size
    said = f"`{INT8}` {(size.bytes + 27e6) / 1e6:.1f} MB." if size else INT8
    assert (said in library.note(one)) == told
    assert bool(library.note(one)) == told


def test_the_note_stands_with_the_sizes(results: Results) -> None:
    page = compose(results, [], FILE)
    assert page.count(library.note(results)) == 1
    assert "<b>Size</b>" in page[: page.index(library.note(results))].rpartition("<details>")[2]
