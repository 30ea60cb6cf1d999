"""Pydantic models that refuse unknown keys."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A record of a file; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


class Frozen(Strict):
    """A table of a recipe; unknown keys are refused, and nothing can be changed afterwards."""

    model_config = ConfigDict(frozen=True)
