import numpy as np
import pytest
from numpy.typing import NDArray

from pocketbert.compress.tasks.paired import Drop, bootstrap_f1_drop, newcombe_drop, wilson


def outcomes(both: int, lost: int, won: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    reference = np.repeat([True, True, False, False], [both, lost, won, neither])
    candidate = np.repeat([True, False, True, False], [both, lost, won, neither])
    return reference, candidate


def test_wilson_against_published_value() -> None:
    """Newcombe 1998 (Statistics in Medicine 17:857), table I: 81 of 263 gives 0.2553 to 0.3662."""
    assert wilson(81, 263, 0.95) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_newcombe_covers_the_truth() -> None:
    """Simulated paired outcomes with a true drop of 1 point: the 95 % interval holds it in about 95 of 100 cases."""
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(600):
        cells = rng.choice(4, size=1500, p=[0.82, 0.04, 0.03, 0.11])
        drop = newcombe_drop((cells == 0) | (cells == 1), (cells == 0) | (cells == 2))
        held += drop.low <= 0.01 <= drop.high
    assert 0.93 <= held / 600 <= 0.985


def test_pairing_narrows_the_interval() -> None:
    agreeing = newcombe_drop(*outcomes(800, 20, 10, 170))
    disagreeing = newcombe_drop(*outcomes(690, 130, 120, 60))
    assert agreeing.estimate == pytest.approx(disagreeing.estimate)
    assert agreeing.high - agreeing.low < 0.6 * (disagreeing.high - disagreeing.low)


def test_mirror_image() -> None:
    drop = newcombe_drop(*outcomes(700, 60, 20, 220))
    gain = newcombe_drop(*outcomes(700, 20, 60, 220))
    assert (drop.estimate, drop.low, drop.high) == pytest.approx((-gain.estimate, -gain.high, -gain.low))


@pytest.mark.parametrize(
    ("drop", "settled", "acceptable"),
    [
        (Drop(0.002, -0.004, 0.008, 100), "accept", True),
        (Drop(0.030, 0.020, 0.040, 100), "reject", False),
        (Drop(0.008, -0.010, 0.026, 100), "unsettled", True),
        (Drop(0.012, -0.006, 0.030, 100), "unsettled", False),
    ],
)
def test_decision(drop: Drop, settled: str, acceptable: bool) -> None:
    assert drop.settled(0.010) == settled
    assert drop.acceptable(0.010) is acceptable


def test_no_rows() -> None:
    with pytest.raises(ValueError, match="0 and 0 rows"):
        newcombe_drop(np.array([], dtype=bool), np.array([], dtype=bool))


def test_bootstrap_of_f1_holds_the_truth_and_shrinks_with_rows() -> None:
    """Two taggers that miss a fifth and a quarter of the entities: the drop of recall alone is known."""
    draw = np.random.default_rng(1)

    def outcomes(rows: int, missed: float) -> NDArray[np.uint8]:
        true = np.full(rows, 2)
        hit = draw.binomial(true, 1 - missed)
        return np.stack([hit, true, true], axis=1).astype(np.uint8)

    widths = []
    for rows in (200, 5000):
        drop = bootstrap_f1_drop(outcomes(rows, 0.2), outcomes(rows, 0.25))
        assert drop.low < 0.05 < drop.high
        assert drop.low <= drop.estimate <= drop.high
        widths.append(drop.high - drop.low)
    assert 3 < widths[0] / widths[1] < 8


def test_bootstrap_is_paired_and_repeatable() -> None:
    same = np.array([[1, 2, 2], [0, 1, 3]] * 20, dtype=np.uint8)
    drop = bootstrap_f1_drop(same, same)
    assert (drop.estimate, drop.low, drop.high) == (0, 0, 0)
    worse = same.copy()
    worse[::4, 0] = 0
    assert bootstrap_f1_drop(same, worse) == bootstrap_f1_drop(same, worse)


def test_bootstrap_of_rows_without_entities() -> None:
    nothing = np.zeros((5, 3), dtype=np.uint8)
    assert bootstrap_f1_drop(nothing, nothing).estimate == 0
