"""Messages about refused values speak the language of the file: no sentence, class name or pattern of pydantic."""

import re
from types import SimpleNamespace
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from pocketbert.bench.records.baseline import Baseline
from pocketbert.bench.records.results import Results
from pocketbert.compress.base.explain import explain
from pocketbert.compress.base.strict import Points, Strict
from pocketbert.compress.manifest import Manifest
from pocketbert.compress.pipeline.recipe import Recipe
from pocketbert.compress.stages import stage_kinds, stage_module


class Inner(Strict):
    size: int | None = Field(None, ge=1)
    name: str


class Outer(Strict):
    share: float = Field(0.5, ge=0, le=1, json_schema_extra={"unit": "a share (0.5 = half)"})
    rate: float = Field(0.5, gt=0, lt=1)
    weight: float = Field(1, gt=0, le=5)
    count: int = Field(1, alias="number", ge=1)
    mood: Literal["good", "bad"] = "good"
    loud: bool = False
    words: tuple[str, ...] = ()
    title: str = Field("x", min_length=1)
    some: int | tuple[int, ...] | None = None
    inner: Inner | None = None
    inners: list[Inner] = []
    rows: dict[Literal["train", "test"], Annotated[int, Field(gt=0)]] = {}
    layers: dict[int, list[int]] = {}
    drop: Points = Field(0.01, description="the largest drop")

    @field_validator("title")
    @classmethod
    def _short(cls, title: str) -> str:
        if len(title) > 5:
            raise ValueError("use at most 5 letters")
        return title

    @model_validator(mode="after")
    def _quiet(self) -> "Outer":
        if self.loud and self.mood == "bad":
            raise ValueError("never loud and bad")
        return self


KEYS = "share, rate, weight, number, mood, loud, words, title, some, inner, inners, rows, layers, drop"


def line(model: type[BaseModel], values: Any, table: str = "") -> str:
    with pytest.raises(ValidationError) as error:
        model.model_validate(values)
    return explain(error.value, model, table)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"share": 50}, "share = 50: this is a share (0.5 = half); allowed: 0 to 1"),
        ({"drop": 5}, 'drop = 5: this is a fraction (0.05 = 5 percentage points, or "5 pp"); allowed: 0 to 0.99'),
        ({"rate": 1}, "rate = 1: expected a number, more than 0 and less than 1"),
        ({"weight": 9}, "weight = 9: expected a number, more than 0 and at most 5"),
        ({"number": 0}, "number = 0: expected a whole number, 1 or more"),
        ({"count": 2}, f"count: unknown key (expected one of: {KEYS})"),
        ({"numbr": 2, "rate": 7}, f"numbr: unknown key, did you mean 'number'? (expected one of: {KEYS})"),
        ({"mood": "god"}, 'mood = "god": expected one of "good", "bad"'),
        ({"loud": "maybe"}, 'loud = "maybe": expected true or false'),
        ({"words": "好"}, 'words = "好": expected a list, each entry text in quotes'),
        ({"words": ["好", 1]}, "words entry 2 = 1: expected text in quotes"),
        ({"title": ""}, 'title = "": expected text in quotes, not empty'),
        ({"title": "too long"}, 'title = "too long": use at most 5 letters'),
        ({"title": 30 * [1]}, f"title = [{20 * '1, '}"[:68] + "…: expected text in quotes, not empty"),
        ({"loud": True, "mood": "bad"}, "never loud and bad"),
        ({"some": "two"}, 'some = "two": expected a whole number or a list, each entry a whole number'),
        ({"inner": {}}, "inner.name is missing; expected text in quotes"),
        ({"inner": {"name": "x", "size": 0}}, "inner.size = 0: expected a whole number, 1 or more"),
        (
            {"inner": {"name": "x", "sise": 0}},
            "inner.sise: unknown key, did you mean 'size'? (expected one of: size, name)",
        ),
        ({"inner": 3}, "inner = 3: [inner] is a table; did you mean inner.size = 3?"),
        ({"inner": "x"}, 'inner = "x": [inner] is a table; did you mean inner.name = "x"?'),
        ({"inner": True}, "inner = true: [inner] is a table"),
        ({"inners": [{"name": "x"}, {"name": 1}]}, "inners entry 2: name = 1: expected text in quotes"),
        ({"inners": {}}, "inners = {}: expected a list, each entry a table"),
        ({"rows": 5}, "rows = 5: [rows] is a table; did you mean rows.train = 5?"),
        ({"rows": {"test": 0}}, "rows.test = 0: expected a whole number, more than 0"),
        ({"rows": {"dev": 1}}, "rows.dev: unknown key (expected one of: train, test)"),
        ({"layers": {"x": [1]}}, "layers.x: unknown key; expected a whole number"),
        ({"layers": {"1": ["x"]}}, 'layers.1 entry 1 = "x": expected a whole number'),
        ({"layers": [1]}, "layers = [1]: expected a table"),
    ],
)
def test_each_kind_of_mistake(values: dict[str, Any], said: str) -> None:
    assert line(Outer, values) == said


def test_below_a_header() -> None:
    assert line(Outer, {"inner": 3}, "stage") == "inner = 3: [stage.inner] is a table; did you mean inner.size = 3?"


MODELS = [Recipe, Manifest, Results, Baseline, *(stage_module(kind).Parameters for kind in stage_kinds())]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__module__.split(".")[-1])
def test_no_name_of_ours_reaches_the_user(model: type[BaseModel], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every field holds what no field takes, and every mistake is explained, not only the first."""
    schema = model.model_json_schema()
    monkeypatch.setattr(model, "model_json_schema", lambda: schema)
    names = {each["title"] for each in schema.get("$defs", {}).values()}
    keys = [field.alias or name for name, field in model.model_fields.items()]
    for value in (None, [{"x": ...}], {"x": ...}):
        with pytest.raises(ValidationError) as error:
            model.model_validate(dict.fromkeys(keys, value))
        for mistake in error.value.errors():
            alone: Any = SimpleNamespace(errors=lambda mistake=mistake: [mistake])
            said = explain(alone, model)
            assert said[0] not in ":= "
            assert not re.search(r"Input|should|valid|required|a value|\^", said), said
            assert not [name for name in names if re.search(rf"\b{name}\b", said) and name not in keys], said
