"""What is compared if the baseline was measured with other test rows."""

from pocketbert.bench.records.baseline import make_baseline
from pocketbert.bench.records.results import Place, Results
from pocketbert.bench.verdicts.items import Item
from tests.bench.verdicts.test_decide import LATENCY, latencies, small, verdict, with_small


def test_latency_over_other_test_rows_is_not_compared(weighed: Results) -> None:
    """The lengths `mix` are those of the test rows; a length in tokens is the same whatever the rows."""
    plain = with_small(weighed, latency=latencies(0.2))
    mixed = [entry.model_copy(update={"length": "mix"}) for entry in latencies(0.24)]
    score = small(plain).accuracy
    assert score
    was = with_small(
        plain, latency=[*latencies(0.2), *(e.model_copy(update={"length": "mix"}) for e in latencies(0.2))]
    )
    changed = {"accuracy": score.model_copy(update={"test_sha256": "9" * 64}), "sha256": "8" * 64}
    other = with_small(plain, latency=[*latencies(0.24), *mixed], **changed)
    mix = Item("latency", "small", Place("mobile-1t", "mix"))
    found = verdict(mix, other, make_baseline(was, None))
    assert (found.outcome, found.why) == ("no-baseline", "other-rows")
    assert "the baseline was timed on other test rows" in found.message
    assert verdict(LATENCY, other, make_baseline(was, None)).outcome == "regressed"
    assert verdict(mix, with_small(plain, latency=mixed), make_baseline(was, None)).outcome == "regressed"
    [update] = make_baseline(other, make_baseline(was, None)).updates
    assert list(update.latency["small"]) == ["mobile-1t/128"]
