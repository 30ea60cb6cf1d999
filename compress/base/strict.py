"""Pydantic models that refuse unknown keys."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Base class of file records; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


class Frozen(Strict):
    """Base class of recipe tables; unknown keys are refused, and values cannot be changed."""

    model_config = ConfigDict(frozen=True)
