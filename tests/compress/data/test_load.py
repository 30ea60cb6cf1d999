"""Which builtin is for what, and what is said when one cannot be had."""

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.load import BUILTIN_DATA, load_data
from pocketbert.compress.data.settings import TaskTable


def complaint(**keys: str) -> str:
    with pytest.raises(BadInput) as raised:
        load_data(TaskTable.model_validate(keys))
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_an_unknown_builtin() -> None:
    assert (
        "unknown 'builtin:tweets'; legal: builtin:reviews, builtin:people-daily, builtin:adjacent-clauses, a hub id, "
        "a folder"
    ) in complaint(dataset="builtin:tweets")


@pytest.mark.parametrize(("builtin", "kind"), BUILTIN_DATA.items())
def test_a_builtin_for_another_kind_and_without_its_package(
    builtin: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "matching" if kind == "classification" else "classification"
    assert f"{builtin} is for kind = {kind}, found '{other}'" in complaint(dataset=builtin, kind=other)
    assert "task.label: " in complaint(dataset=builtin, kind=kind, label="stars")
    monkeypatch.setattr("pocketbert.compress.data.builtin.corpus.find_spec", lambda name: None)
    said = complaint(dataset=builtin, kind=kind)
    assert said.startswith(builtin)
    assert "pip install 'pocketbert[offline]'" in said
