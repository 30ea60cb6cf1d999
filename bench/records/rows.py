"""Whether two scores are of the same test rows, so that their outcomes can be compared row by row."""

from pocketbert.bench.records.results import Accuracy


def same_rows(one: Accuracy, other: Accuracy) -> bool:
    """Return whether both were scored on the same rows, by the same kind of task."""
    return (one.test_sha256, one.rows, one.counts) == (other.test_sha256, other.rows, other.counts)
