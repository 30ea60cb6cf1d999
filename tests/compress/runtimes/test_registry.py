"""A runtime that is not installed is one line."""

from pathlib import Path

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.runtimes import open_session


def test_executorch_comes_with_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketbert.compress.runtimes.find_spec", lambda _: None)
    with pytest.raises(BadInput, match=r"'executorch' is not installed: pip install 'pocketbert\[mobile\]'"):
        open_session("executorch", tmp_path / "m.pte", 1)
