"""Whether two scores are of the same test rows, so that their outcomes, and times of all lengths, can be compared."""

from pocketbert.bench.records.results import MIX, Accuracy, Place


def same_rows(one: Accuracy, other: Accuracy) -> bool:
    """Return whether both were scored on the same rows, by the same kind of task."""
    return (one.test_sha256, one.rows, one.counts) == (other.test_sha256, other.rows, other.counts)


def of_other_texts(place: Place, one: Accuracy | None, other: Accuracy | None) -> bool:
    """Return whether latencies at `place` are of other texts: those of all lengths are of the test rows."""
    return place.length == MIX and one is not None and other is not None and not same_rows(one, other)
