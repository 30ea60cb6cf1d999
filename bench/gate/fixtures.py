"""The values of the fixtures ``pocketbert_measure`` and ``pocketbert_gate``."""

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

import pytest

from pocketbert.bench.records.results import Measured, Results, Verdict
from pocketbert.bench.verdicts import budget
from pocketbert.compress.base.errors import BadInput, one_line

if TYPE_CHECKING:
    from pocketbert.bench.verdicts.items import Item


def fail(messages: Sequence[str], alone: str) -> NoReturn:
    """Fail the test with these messages, each in one printable line: ids and errors in them come from files.

    Args:
        alone: the command that runs the test alone.
    """
    pytest.fail("\n".join([*map(one_line, messages), f"rerun only this: {alone}"]), pytrace=False)


class Inconclusive(pytest.PytestWarning):
    """A budget lies inside the confidence interval of the figure: neither kept nor exceeded."""


class Measure:
    """``pocketbert_measure("student-int8.onnx")``: the figures of an artifact, within the test's latency budgets."""

    def __init__(self, node: pytest.Item, results: Results, strict: bool, alone: str) -> None:
        self._node, self._results, self._strict, self._alone = node, results, strict, alone
        self.called = False

    def __call__(self, artifact: str) -> Measured:
        """Return every figure of the artifact; fail the test if a budget is exceeded."""
        self.called = True
        known = {measured.id: measured for measured in self._results.artifacts}
        if artifact not in known:
            pytest.fail(
                f"pocketbert: unknown artifact {artifact!r}; expected one of: {', '.join(known)}", pytrace=False
            )
        found = [self._checked(marker, known[artifact]) for marker in self._node.iter_markers("latency_budget")]
        allowed = ("ok",) if self._strict else ("ok", "absent", "inconclusive")
        if failed := [each.message for each in found if each.outcome not in allowed]:
            fail(failed, self._alone)
        for each in found:
            if each.outcome == "inconclusive":
                warnings.warn(one_line(each.message), Inconclusive, stacklevel=2)
        if found and all(each.outcome == "absent" for each in found):
            pytest.skip(one_line("; ".join(each.message for each in found)))
        return known[artifact]

    def _checked(self, marker: pytest.Mark, measured: Measured) -> budget.Checked:
        try:
            return budget.check(budget.read(marker.args, marker.kwargs), measured, self._results)
        except BadInput as refused:
            pytest.fail(f"pocketbert: {refused}", pytrace=False)


class Compare:
    """``pocketbert_gate("student-int8.onnx", "size")``: the verdicts on an artifact against the baseline."""

    def __init__(self, verdicts: "Mapping[Item, Verdict]", alone: str, judged: "set[Item]") -> None:
        self._verdicts, self._alone, self._judged = verdicts, alone, judged

    def __call__(self, artifact: str, *metrics: str) -> list[Verdict]:
        """Return the verdicts on these metrics, or on all metrics; fail the test if one of them fails."""
        wanted = {
            item: verdict
            for item, verdict in self._verdicts.items()
            if item.artifact == artifact and item.metric in (metrics or (item.metric,))
        }
        self._judged.update(wanted)
        found = list(wanted.values())
        without = [metric for metric in metrics if metric not in {item.metric for item in wanted}]
        if without or not found:
            expected = dict.fromkeys(f"{item.artifact} ({item.metric})" for item in self._verdicts)
            given = " ".join([artifact, *without])
            pytest.fail(f"pocketbert: no verdict on {given!r}; expected one of: {', '.join(expected)}", pytrace=False)
        if messages := [verdict.message for verdict in found if verdict.fails]:
            fail(messages, self._alone)
        return found
