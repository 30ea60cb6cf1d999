"""Unknown keys are refused everywhere; tables of a recipe cannot be changed."""

import pytest
from pydantic import ValidationError

from pocketbert.compress.base.strict import Frozen, Strict


class Record(Strict):
    rows: int = 0


class Table(Frozen):
    rows: int = 0


@pytest.mark.parametrize("kind", [Record, Table])
def test_unknown_keys_are_refused(kind: type[Strict]) -> None:
    assert kind.model_validate({"rows": 3}).model_dump() == {"rows": 3}
    with pytest.raises(ValidationError, match="rowz"):
        kind.model_validate({"rowz": 3})


def test_only_tables_are_frozen() -> None:
    record, table = Record(), Table()
    record.rows = 1
    assert record.rows == 1
    with pytest.raises(ValidationError, match="frozen"):
        table.rows = 1  # type: ignore[misc]
