from math import hypot, sqrt
from statistics import NormalDist

import numpy as np
import pytest
from numpy.typing import NDArray

from pocketbert.compress.tasks import open_task, paired
from pocketbert.compress.tasks.paired import Drop, bootstrap_f1_drop, newcombe_drop


def outcomes(both: int, lost: int, won: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    reference = np.repeat([True, True, False, False], [both, lost, won, neither])
    candidate = np.repeat([True, False, True, False], [both, lost, won, neither])
    return reference, candidate


def wilson(successes: int, rows: int) -> tuple[float, float]:
    """Wilson 1927; 81 of 263 give 0.2553 to 0.3662 (Newcombe 1998, Statistics in Medicine 17:857, table I)."""
    z = NormalDist().inv_cdf(0.975)
    middle = (successes + z * z / 2) / (rows + z * z)
    half = z * sqrt(successes * (rows - successes) / rows + z * z / 4) / (rows + z * z)
    return middle - half, middle + half


def test_an_independent_pair_gives_the_square_and_add_interval_of_two_wilson_intervals() -> None:
    """Where both models are right independently, the correlation is 0 and Newcombe's method 10 is his method for two
    separate samples.
    """
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    drop = newcombe_drop(*outcomes(480, 320, 120, 80))
    (low1, high1), (low2, high2) = wilson(800, 1000), wilson(600, 1000)
    below, above = hypot(0.8 - low1, high2 - 0.6), hypot(high1 - 0.8, 0.6 - low2)
    assert (drop.estimate, drop.low, drop.high) == pytest.approx((0.2, 0.2 - below, 0.2 + above), abs=1e-12)


@pytest.mark.parametrize(
    ("cells", "interval", "digits"),
    [((1, 1, 7, 12), (-0.507, -0.026), 3), ((59, 6, 16, 80), (-0.1186, -0.0046), 4)],
    ids=["Bentur 2009", "Cavo 2012"],
)
def test_newcombe_against_published_intervals(
    cells: tuple[int, int, int, int], interval: tuple[float, float], digits: int
) -> None:
    """Fagerland, Lydersen and Laake 2014 (Statistics in Medicine 33:2850), and their R package contingencytables."""
    drop = newcombe_drop(*outcomes(*cells))
    assert (round(drop.low, digits), round(drop.high, digits)) == interval


@pytest.mark.parametrize(("right", "lost", "rows"), [(1126, 12, 1200), (2537, 29, 2_900), (94, 1, 100)])
def test_a_drop_of_exactly_the_limit_is_allowed(right: int, lost: int, rows: int) -> None:
    """1126/1200 - 1114/1200 is 0.010000000000000009 in floating point."""
    drop = newcombe_drop(*outcomes(right - lost, lost, 0, rows - right))
    assert drop.estimate == lost / rows == 0.01
    assert drop.acceptable(0.01)
    more = newcombe_drop(*outcomes(right - lost - 1, lost + 1, 0, rows - right))
    assert not more.acceptable(0.01)


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
    ("drop", "inconclusive", "acceptable"),
    [
        (Drop(0.002, -0.004, 0.008, 100), False, True),
        (Drop(0.002, -0.004, 0.010, 100), False, True),
        (Drop(0.030, 0.020, 0.040, 100), False, False),
        (Drop(0.008, -0.010, 0.026, 100), True, True),
        (Drop(0.012, 0.010, 0.030, 100), True, False),
        (Drop(0.012, -0.006, 0.030, 100), True, False),
    ],
)
def test_decision(drop: Drop, inconclusive: bool, acceptable: bool) -> None:
    assert drop.inconclusive(0.010) is inconclusive
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


@pytest.mark.parametrize("rows", [1, 2, 10, 3473])
def test_the_interval_of_a_proportion_is_scipys(rows: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    for right in {0, 1, rows // 2, rows - 1, rows}:
        for confidence in (0.6, 0.95, 0.999):
            expected = stats.binomtest(right, rows).proportion_ci(confidence, method="wilson")
            assert paired.wilson(right, rows, confidence) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(("kind", "labels"), [("classification", ["a", "b"]), ("tagging", ["O", "B-X"])])
def test_a_higher_confidence_has_a_wider_interval(kind: str, labels: list[str]) -> None:
    was, now = outcomes(700, 60, 20, 220)
    if kind == "tagging":  # entities found, predicted and true
        was, now = (np.stack([right, right | True, right | True], 1).astype(np.uint16) for right in (was, now))
    low, high = (open_task(kind, labels, 16).drop(was, now, confidence) for confidence in (0.6, 0.999))
    assert high.low < low.low < low.high < high.high
