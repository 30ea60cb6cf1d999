"""Every name and every key of a recipe is described, and the JSON schema takes what the loader takes."""

import copy
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import Field

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.strict import Frozen
from pocketbert.compress.exports import FORMATS
from pocketbert.compress.pipeline import reference
from pocketbert.compress.stages import stage_kinds
from pocketbert.compress.tasks import TASKS
from pocketbert.compress.training.distillation.alignment import Preset
from tests.support import REPO

RECIPES = sorted((REPO / "recipes").glob("*.toml"))


def test_every_key_of_a_recipe_is_described() -> None:
    every = list(reference.every_key())
    assert [key.name for key in every if not key.text] == [], "write what the key does below it, as a docstring"
    assert [key.name for key in every if not key.text.endswith((".", "_ -"))] == []
    names = [key.name for key in every]
    assert len(names) == len(set(names))
    assert {"seed", "guard.max_drop", "task.limit", "teacher.trust_remote_code", "artifact.lengths"} <= set(names)
    assert {"distill.student.layers", "distill.align.weight", "prune-width.recover.alpha", "sparsify.amount"} <= set(
        names
    )
    assert {name.split(".")[0] for name in names} >= set(stage_kinds())


class Inner(Frozen):
    size: int = Field(1, ge=1)


class Outer(Frozen):
    rate: float | None = None
    """How fast ``x`` is."""
    loud: bool = False
    inner: Inner
    """A table."""


def test_a_key_without_a_description_would_be_noticed() -> None:
    assert list(reference.keys(Outer, "stage")) == [
        ("stage.rate", "a number", "default: none", "How fast `x` is."),
        ("stage.loud", "true or false", "default: false", ""),
        ("stage.inner", "a table", "required", "A table."),
        ("stage.inner.size", "a whole number, 1 or more", "default: 1", ""),
    ]


@pytest.mark.parametrize("what", list(reference.LISTS))
def test_every_name_has_a_summary(what: str) -> None:
    found = reference.LISTS[what]()
    assert found
    for name, text in found.items():
        assert reference.summary(text).endswith((".", ".)")) and "\n" not in reference.summary(text), name
        assert "``" not in text


def test_all_names_are_listed() -> None:
    assert list(reference.stages()) == list(stage_kinds())
    assert list(reference.formats()) == list(FORMATS)
    assert list(reference.presets()) == list(get_args(Preset))
    assert list(reference.tasks()) == list(TASKS)
    assert {"hidden/mse", "hidden/cosine", "attention/kl", "relation/kl"} <= set(reference.losses())


def test_recipes_are_listed_with_their_first_comment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert reference.recipes() == {}
    Path("recipes").mkdir()
    Path("recipes/mine.toml").write_text('# Two lines\n# about it.\nname = "mine" # no more\n', encoding="utf-8")
    assert {name: reference.summary(text) for name, text in reference.recipes().items()} == {
        "mine": "Two lines about it."
    }


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("prune-width", ["Head and FFN pruning together: ", "prune-width.target_macs (a number, more than 0 and less"]),
        ("onnx", ["ONNX files for ONNX Runtime: ", "Precisions: fp32, fp16, int8, int4."]),
        ("tinybert", ["tinybert: Aligns the embeddings"]),
        ("hidden/cosine", ["Distillation of the direction of embeddings"]),
        ("kl", ["attention/kl: ", "relation/kl: "]),
        ("tagging", ["Tagging: one label per word"]),
        (
            "guard.max_drop",
            ['guard.max_drop (a number, 0 to 0.99 or text such as "5 pp"; default: 0.01)\n  Largest allowed'],
        ),
        ("max_drop", ["guard.max_drop ("]),
        ("guard", ["guard.on_fail (", "guard.tries (a whole number, 1 to 20; default: 4)"]),
        ("epochs", ["teacher.epochs (", "distill.epochs (", "prune-heads.recover.epochs ("]),
    ],
)
def test_a_name_is_explained(name: str, said: list[str]) -> None:
    found = reference.explain(name)
    assert not [words for words in said if words not in found], found


def test_a_name_that_no_recipe_has() -> None:
    with pytest.raises(BadInput, match=r"^explain prune-with: unknown name, did you mean 'prune-width'\?"):
        reference.explain("prune-with")


def test_other_names_are_explained_too() -> None:
    assert reference.explain("mobile-1t", {"mobile-1t": "threads: 1"}) == "mobile-1t: threads: 1"
    with pytest.raises(BadInput, match=r"^explain mobile-1: unknown name, did you mean 'mobile-1t'\?"):
        reference.explain("mobile-1", {"mobile-1t": "threads: 1"})


def mistakes(recipe: dict[str, Any]) -> list[str]:
    jsonschema = pytest.importorskip("jsonschema")
    return [each.message for each in jsonschema.Draft202012Validator(reference.recipe_schema()).iter_errors(recipe)]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_shipped_recipes_fit_the_schema(path: Path) -> None:
    assert mistakes(tomllib.loads(path.read_text(encoding="utf-8"))) == []


def test_the_schema_refuses_what_the_loader_refuses() -> None:
    right = tomllib.loads((REPO / "recipes/offline.toml").read_text(encoding="utf-8"))
    changes: list[tuple[str, int | None, str, Any]] = [
        ("guard", None, "max_drop", "five"),
        ("guard", None, "maxdrop", 0.01),
        ("task", None, "kind", "taging"),
        ("teacher", None, "epochs", -1),
        ("stage", 0, "kind", "distil"),
        ("stage", 0, "epoch", 1),
        ("artifact", 0, "format", "onx"),
        ("artifact", 0, "precision", "int2"),
    ]
    for table, place, key, value in changes:
        wrong = copy.deepcopy(right)
        (wrong.setdefault(table, {}) if place is None else wrong[table][place])[key] = value
        assert mistakes(wrong), (table, key)
    right.setdefault("guard", {})["max_drop"] = "1.0 pp"
    assert mistakes(right) == []


def test_a_list_is_wrapped_behind_its_names() -> None:
    first, second, third = "\n".join(reference.lines({"a": "word " * 30, "long": "One.\n\nNo more."})).splitlines()
    assert first.startswith("a     word word") and len(first) <= 100
    assert second.startswith("      word")
    assert third == "long  One."
