from pathlib import Path
from typing import Any

import pytest

from pocketbert.compress.training.trainer import Examples
from studies import bare_loop
from tests.support.pages import table_of


@pytest.mark.usefixtures("offline")
def test_both_loops_train_on_the_same_batches(
    bars: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read, real = list[tuple[int, ...]](), Examples.batch

    def batch(self: Examples, indices: list[int]) -> dict[str, Any]:
        read.append(tuple(indices))
        return real(self, indices)

    monkeypatch.setattr(Examples, "batch", batch)
    monkeypatch.setattr("pocketbert.compress.training.trainer._SAVE_EVERY", 0.0)  # the next training would resume
    monkeypatch.setattr(bare_loop, "_ROWS", 24)
    monkeypatch.setattr(bare_loop, "_BATCH", 8)
    bare_loop.main()
    found = table_of(capsys.readouterr().out)
    assert [row[0] for row in found] == ["fine-tuning the teacher", "distilling the student"]
    for _, *speeds, ratio in found:
        ours, bare = map(float, speeds)
        assert float(ratio) == pytest.approx(ours / bare, abs=0.01)
    assert read == 8 * read[:3]  # two trainings, two rounds, by pocketbert and by the bare loop
    assert sorted(sum(read[:3], ())) == list(range(24))
    assert bars.count("bare loop") == 4


def test_the_student_learns_without_what_the_bare_loop_has_not(
    bars: list[str], monkeypatch: pytest.MonkeyPatch, offline: Path
) -> None:
    """The recipe's student rounds its weights and has no dropout."""
    recipe = offline / "recipes/offline.toml"
    text, kind = recipe.read_text(encoding="utf-8"), 'kind = "distill"'
    recipe.write_text(text.replace(kind, f'{kind}\nfake_quant = "int4"\ndropout = 0'), encoding="utf-8")
    seen: list[Any] = []

    def speeds(clock: object, model: object, ours: Any, bare: Any) -> list[str]:
        seen.append(ours)
        return ["1", "1", "1"]

    monkeypatch.setattr(bare_loop, "_speeds", speeds)
    bare_loop.main()
    settings = seen[1].keywords["settings"]
    assert (settings.fake_quant, settings.dropout) == (None, None)
