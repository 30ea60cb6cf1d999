"""Unknown keys are refused everywhere; tables of a recipe cannot be changed, and their keys describe themselves."""

import pytest
from pydantic import ValidationError

from pocketbert.compress.base.strict import Frozen, Points, Strict, as_fraction


class Record(Strict):
    rows: int = 0


class Table(Frozen):
    rows: int = 0
    """Number of rows."""
    drop: Points = 0.01
    """Largest drop."""


@pytest.mark.parametrize("kind", [Record, Table])
def test_unknown_keys_are_refused(kind: type[Strict]) -> None:
    assert kind.model_validate({"rows": 3}).model_dump()["rows"] == 3
    with pytest.raises(ValidationError, match="rowz"):
        kind.model_validate({"rowz": 3})


def test_only_tables_are_frozen() -> None:
    record, table = Record(), Table()
    record.rows = 1
    assert record.rows == 1
    with pytest.raises(ValidationError, match="frozen"):
        table.rows = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("given", "read"),
    [(0.02, 0.02), ("2 pp", 0.02), ("0.7pp", 0.007), (" 1.0  pp ", 0.01), ("0.02", 0.02), (0, 0.0), ("99 pp", 0.99)],
)
def test_percentage_points_are_a_fraction(given: object, read: float) -> None:
    assert Table.model_validate({"drop": given}).drop == read


@pytest.mark.parametrize("given", [1, "100 pp", "-1 pp", "1 %", "1 ppm", "pp", "1e3 pp", -0.1, "nan"])
def test_what_no_drop_can_be_is_refused(given: object) -> None:
    with pytest.raises(ValidationError):
        Table.model_validate({"drop": given})


def test_a_text_on_the_command_line() -> None:
    assert (as_fraction("5 pp"), as_fraction("0.05")) == (0.05, 0.05)
    with pytest.raises(ValueError, match="five"):
        as_fraction("five")


def test_a_key_describes_itself_and_both_ways_to_write_points() -> None:
    keys = Table.model_json_schema()["properties"]
    assert keys["rows"]["description"] == "Number of rows."
    assert keys["drop"]["description"] == "Largest drop."
    number, text = keys["drop"]["anyOf"]
    assert number == {"type": "number", "minimum": 0, "maximum": 0.99}
    assert text["type"] == "string"
