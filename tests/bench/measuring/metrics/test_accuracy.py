import numpy as np
import pytest

from pocketbert.bench.records.results import Accuracy, pack, unpack
from pocketbert.compress.tasks import Outcomes


@pytest.mark.parametrize(
    "outcomes",
    [np.array([True, False, True] * 5), 100 * np.arange(21, dtype=np.uint16).reshape(7, 3)],
    ids=["right or wrong", "counts of entities"],
)
def test_what_is_packed_comes_back(outcomes: Outcomes) -> None:
    rows = len(outcomes)
    packed = pack(outcomes)
    kept = Accuracy(metric="m", value=0, scores={}, rows=rows, drop=None, test_sha256="0", **packed)
    found = unpack(Accuracy.model_validate_json(kept.model_dump_json()))
    assert found.dtype == outcomes.dtype
    assert np.array_equal(found, outcomes)


def test_counts_of_one_byte_can_still_be_read() -> None:
    kept = Accuracy(
        metric="f1", value=0, scores={}, rows=2, drop=None, test_sha256="0", correct="010203040506", counts=3
    )
    assert unpack(kept).tolist() == [[1, 2, 3], [4, 5, 6]]
