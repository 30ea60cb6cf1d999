"""`pocketbert init` on the command line."""

import sys
from pathlib import Path

import pytest

from pocketbert.bench.cli import main
from pocketbert.compress.pipeline.init.prepare import Line
from pocketbert.compress.pipeline.init.template import Size


def test_its_lines_are_printed_and_its_options_arrive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "pocketbert.compress.pipeline.init.prepare.prepare",
        lambda request, _: asked.append(request) or [Line("model", "a BERT"), Line("", "a remark"), Line("next", "x")],
    )
    words = ["pocketbert", "init", "mine", "--model", "my bert", "--data", "rows.csv", "--size", "smallest"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert capsys.readouterr().out == "model   a BERT\n        a remark\nnext    x\n"
    [request] = asked
    assert request == (
        "mine",
        "my bert",
        "rows.csv",
        Size.SMALLEST,
        "pocketbert init mine --model 'my bert' --data rows.csv --size smallest",
    )
