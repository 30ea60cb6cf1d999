import numpy as np
import pytest

from bench.metrics.accuracy import pack, unpack
from bench.results import Accuracy
from compress.tasks import Outcomes


@pytest.mark.parametrize(
    "outcomes",
    [np.array([True, False, True] * 5), np.arange(21, dtype=np.uint8).reshape(7, 3)],
    ids=["right or wrong", "counts of entities"],
)
def test_what_is_packed_comes_back(outcomes: Outcomes) -> None:
    rows = len(outcomes)
    packed = pack(outcomes)
    kept = Accuracy(metric="m", value=0, scores={}, rows=rows, drop=None, test_sha256="0", **packed)
    found = unpack(Accuracy.model_validate_json(kept.model_dump_json()))
    assert found.dtype == outcomes.dtype
    assert np.array_equal(found, outcomes)
