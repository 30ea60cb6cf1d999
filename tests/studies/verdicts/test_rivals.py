from collections import Counter

from studies.verdicts.rivals import GROUP, asv, pytest_benchmark
from tests.support.verdicts import recorded_pairs


def test_the_rules_of_other_tools() -> None:
    assert asv(recorded_pairs(0.08, 8 * GROUP)).counts == Counter(ok=8)
    assert asv(recorded_pairs(0.2, 8 * GROUP)).counts == Counter(regressed=8)
    assert asv(recorded_pairs(0.08, 8 * GROUP), 1.05).counts == Counter(regressed=8)
    assert pytest_benchmark(recorded_pairs(0.08, 8 * GROUP), 0.05).counts == Counter(regressed=7)
    assert pytest_benchmark(recorded_pairs(0.02, 8 * GROUP), 0.05).counts == Counter(ok=7)
