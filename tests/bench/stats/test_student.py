"""Quantiles of Student's t equal SciPy's."""

import pytest

from pocketbert.bench.stats.student import t_quantile

SHARES = (0.5, 0.6, 0.9, 0.975, 1 - 0.025 / 8, 0.9999)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 7, 10, 19, 26, 35, 100, 101])
def test_quantiles_are_scipys(freedom: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    for share in SHARES:
        assert t_quantile(share, freedom) == pytest.approx(stats.t.ppf(share, freedom), rel=1e-9, abs=1e-9)


def test_quantiles_of_a_printed_table() -> None:
    assert [round(t_quantile(0.975, freedom), 3) for freedom in (1, 2, 5, 30)] == [12.706, 4.303, 2.571, 2.042]
