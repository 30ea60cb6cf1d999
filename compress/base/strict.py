"""Pydantic models that refuse unknown keys and numbers that are not finite, and the kinds of value that files share."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

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


class Strict(BaseModel):
    """Base class of file records; unknown keys, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Frozen(Strict):
    """Base class of recipe tables; unknown keys are refused, and values cannot be changed."""

    model_config = ConfigDict(frozen=True)
