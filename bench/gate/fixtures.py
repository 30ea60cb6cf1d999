"""The values of the fixtures ``pocketbert_measure`` and ``pocketbert_gate``."""

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest

from pocketbert.bench.records.results import Measured, Results, Verdict
from pocketbert.bench.verdicts import budget
from pocketbert.compress.base.errors import BadInput

if TYPE_CHECKING:
    from pocketbert.bench.verdicts.items import Item


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
        for marker in self._node.iter_markers("latency_budget"):
            try:
                found = budget.check(budget.read(marker.args, marker.kwargs), known[artifact], self._results)
            except BadInput as refused:
                pytest.fail(f"pocketbert: {refused}", pytrace=False)
            self._report(found)
        return known[artifact]

    def _report(self, found: budget.Checked) -> None:
        if found.outcome in ("over", "unmeasured") or (found.outcome != "ok" and self._strict):
            pytest.fail(f"{found.message}\nrerun only this: {self._alone}", pytrace=False)
        if found.outcome == "absent":
            pytest.skip(found.message)
        if found.outcome == "inconclusive":
            warnings.warn(found.message, Inconclusive, stacklevel=3)


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
        if not found:
            expected = dict.fromkeys(f"{item.artifact} ({item.metric})" for item in self._verdicts)
            given = " ".join([artifact, *metrics])
            pytest.fail(f"pocketbert: no verdict on {given!r}; expected one of: {', '.join(expected)}", pytrace=False)
        if messages := [verdict.message for verdict in found if verdict.fails]:
            pytest.fail("\n".join([*messages, f"rerun only this: {self._alone}"]), pytrace=False)
        return found
