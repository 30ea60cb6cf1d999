"""Pydantic models that refuse unknown keys and numbers that are not finite, and the kinds of value that files share."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def _names_a_file(value: str) -> str:
    if not _FILE_NAME.fullmatch(value):
        most = ", at most 100 of them" if len(value) > 100 else ""
        hint = f'use ASCII letters, digits, . _ - (for example "my-model"){most}'
        raise ValueError(f"it becomes a file name, so {hint}")
    return value


FileName = Annotated[str, AfterValidator(_names_a_file)]
"""A name that reports and baselines are called by, such as a recipe's: it never leaves its folder."""
Share = Annotated[float, Field(ge=0, le=1)]
"""A fraction: 0.010 is one percentage point."""
_IN_POINTS = r"^\s*(\d+(?:\.\d+)?)\s*pp\s*$"


def fraction(value: object) -> object:
    """Return the fraction that a text such as ``1.0 pp`` (percentage points) names; any other value as it is."""
    found = re.match(_IN_POINTS, value) if isinstance(value, str) else None
    return float(f"{found[1]}e-2") if found else value


def as_fraction(text: str) -> float:
    """Return the fraction that a text names: ``0.01`` or ``1 pp``; raises `ValueError` if it names none."""
    return float(fraction(text))  # type: ignore[arg-type]


def _also_in_points(schema: dict[str, Any]) -> None:
    number = {key: schema.pop(key) for key in ("type", "minimum", "maximum")}
    schema["anyOf"] = [number, {"type": "string", "pattern": _IN_POINTS, "examples": ["5 pp"]}]
    schema["unit"] = 'a fraction (0.05 = 5 percentage points, or "5 pp")'


Points = Annotated[float, Field(ge=0, le=0.99, json_schema_extra=_also_in_points), BeforeValidator(fraction)]
"""Percentage points: a fraction (0.010), or a text with the unit (``1.0 pp``)."""


class Strict(BaseModel):
    """Base class of file records; unknown keys, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Frozen(Strict):
    """Base class of recipe tables; unknown keys are refused, and values cannot be changed.

    The text below a key is its description: in `pocketbert explain`, the JSON schema and the reference of the docs.
    """

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)
