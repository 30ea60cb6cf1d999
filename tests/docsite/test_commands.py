"""The references have every command and every option of the programs."""

from docsite.commands import command_line, gate_options
from pocketbert.bench.gate.options import OPTIONS


def test_every_command_with_its_options() -> None:
    shown = command_line()
    assert "## `pocketbert build RECIPE`" in shown
    assert "| `--set KEY=VALUE` |" in shown
    assert "## `pocketbert baseline update RESULTS" in shown
    assert "## `pocketbert doctor`" in shown
    assert "baselines/&lt;recipe>.json" in shown
    for line in shown.splitlines():
        assert line.count(" | ") == 1 or not line.startswith("|"), line


def test_every_option_of_pytest() -> None:
    shown = gate_options()
    assert all(f"| `{flag}" in shown for flag, *_ in OPTIONS.values())
