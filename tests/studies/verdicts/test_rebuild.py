"""The builds of the study are gated against the first one, whose own gate run is a first run."""

import json
from pathlib import Path

import pytest

from studies.verdicts import rebuild


def test_the_first_gate_has_no_baseline_yet_and_the_others_have_its(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gates: list[tuple[str, ...]] = []

    def call(*words: str, allowed: tuple[int, ...] = (0,)) -> None:
        if "pytest" in words:
            gates.append(words)
            [reports] = [word.partition("=")[2] for word in words if word.startswith("--gate-reports=")]
            results = Path(reports) / "smoke.json"
            results.parent.mkdir()
            verdict = {"metric": "size", "outcome": "ok", "message": "", "fails": False}
            results.write_text(json.dumps({"verdicts": [verdict]}), encoding="utf-8")
        if "update" in words:
            Path(words[words.index("--baseline") + 1]).touch()

    monkeypatch.setattr(rebuild, "_call", call)
    found = rebuild.rebuild_verdicts(tmp_path, lambda: None)
    assert [verdict["seed"] for verdict in found] == list(range(2, rebuild.BUILDS + 2))
    assert ["--gate-first-run" in words for words in gates] == [True] + [False] * rebuild.BUILDS
    assert all(f"--gate-baseline={tmp_path / 'baseline.json'}" in words for words in gates)
