"""What other people's tests get from the fixtures ``weigh`` and ``gate``."""

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest

from pocketbert.bench.records.results import Results, Verdict, Weighed
from pocketbert.bench.verdicts import budget
from pocketbert.compress.base.errors import BadInput

if TYPE_CHECKING:
    from pocketbert.bench.verdicts.items import Item


class NotSettled(pytest.PytestWarning):
    """A budget lies inside the interval of what was measured: neither kept nor broken."""


class Weigh:
    """``weigh("student-int8.onnx")``: the figures of an artifact, held against the latency budgets of the test."""

    def __init__(self, node: pytest.Item, results: Results, strict: bool, alone: str) -> None:
        self._node, self._results, self._strict, self._alone = node, results, strict, alone
        self.called = False

    def __call__(self, artifact: str) -> Weighed:
        """Return everything that was measured on the artifact; fails the test if it breaks a budget."""
        self.called = True
        known = {weighed.id: weighed for weighed in self._results.artifacts}
        if artifact not in known:
            pytest.fail(f"pocketbert: no artifact {artifact!r} was weighed; legal: {', '.join(known)}", pytrace=False)
        for marker in self._node.iter_markers("latency_budget"):
            try:
                judged = budget.judge(budget.read(marker.args, marker.kwargs), known[artifact], self._results)
            except BadInput as refused:
                pytest.fail(f"pocketbert: {refused}", pytrace=False)
            self._settle(judged)
        return known[artifact]

    def _settle(self, judged: budget.Judged) -> None:
        if judged.outcome in ("over", "unmeasured") or (judged.outcome != "ok" and self._strict):
            pytest.fail(f"{judged.message}\nalone: {self._alone}", pytrace=False)
        if judged.outcome == "absent":
            pytest.skip(judged.message)
        if judged.outcome == "inconclusive":
            warnings.warn(judged.message, NotSettled, stacklevel=3)


class Judge:
    """``gate("student-int8.onnx", "size")``: the verdicts of an artifact against the baseline."""

    def __init__(self, verdicts: "Mapping[Item, Verdict]", alone: str) -> None:
        self._verdicts, self._alone = verdicts, alone

    def __call__(self, artifact: str, *metrics: str) -> list[Verdict]:
        """Its verdicts, on these metrics or on all; fails the test with the messages of those that fail."""
        found = [v for v in self._verdicts.values() if v.artifact == artifact and v.metric in (metrics or (v.metric,))]
        if not found:
            legal = dict.fromkeys(f"{item.artifact} ({item.metric})" for item in self._verdicts)
            asked = " ".join([artifact, *metrics])
            pytest.fail(f"pocketbert: nothing judged of {asked!r}; legal: {', '.join(legal)}", pytrace=False)
        if messages := [verdict.message for verdict in found if verdict.fails]:
            pytest.fail("\n".join([*messages, f"alone: {self._alone}"]), pytrace=False)
        return found
