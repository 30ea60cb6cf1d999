"""The recipes of the public benchmarks read their data: from the Hub as they are, from folders by docs/results.md."""

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import datasets
import pytest
from datasets import ClassLabel, List

from pocketbert.compress.cli import settings
from pocketbert.compress.data.load import Data, load_data
from pocketbert.compress.pipeline.recipe import Recipe, load_recipe
from tests.support import REPO
from tests.support.pages import blocks, commands

PAGE = REPO / "docs/results.md"
TEXT, TAGS = ["去", "北", "京"], ["O", "B-LOC", "I-LOC"]
NLI = ["neutral", "entailment", "contradiction"]
FOLDERS: dict[str, tuple[dict[str, Any], Sequence[Any]]] = {
    "chnsenticorp": ({"text": "房间很干净"}, ["neg", "pos"]),
    "tnews": ({"text": "北京的房价"}, ["house", "stock", "travel"]),
    "ocnli": ({"text": "一月有雪", "text_pair": "一月没有雪"}, sorted(NLI)),
    "msra_ner": ({"tokens": TEXT}, [TAGS]),
    "cluener": ({"tokens": TEXT}, [["O", "B-address", "I-address"]]),
}
"""Folder -> a row without its label, and the labels that its rows have."""


def built(words: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Name of the recipe that a `pocketbert build` command names, and its settings."""
    given = settings([value for option, value in pairwise(words) if option == "--set"])
    return Path(words[2]).stem, dict(given)


BUILDS = [
    built(words) for block in blocks(PAGE, "sh") for words in commands(block) if words[:2] == ["pocketbert", "build"]
]
OF_FOLDERS = [(name, given) for name, given in BUILDS if "benchmarks" in given.get("task.dataset", "")]


def read(name: str, given: Mapping[str, str]) -> tuple[Recipe, Data]:
    recipe = load_recipe(REPO / f"recipes/{name}.toml", dict(given))
    return recipe, load_data(recipe.task)


@pytest.mark.parametrize(("name", "given"), OF_FOLDERS, ids=[f"{name}-{len(given)}" for name, given in OF_FOLDERS])
def test_the_settings_of_the_page_fit_the_folders(name: str, given: dict[str, str], tmp_path: Path) -> None:
    folder = Path(given["task.dataset"]).name
    row, labels = FOLDERS[folder]
    (tmp_path / folder).mkdir()
    for split, times in (("train", 3), ("validation", 2), ("test", 1)):
        lines = [json.dumps(row | {"label": label}) for label in labels for _ in range(times)]
        (tmp_path / folder / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    _, data = read(name, given | {"task.dataset": str(tmp_path / folder)})
    assert sorted(data.labels) == sorted(labels if isinstance(labels[0], str) else labels[0])
    assert [len(data.splits[split]["label"]) for split in ("train", "validation", "test")] == [
        times * len(labels) for times in (3, 2, 1)
    ]
    assert {key: data.splits["test"][key][0] for key in row} == row


def test_every_recipe_of_a_benchmark_has_its_folder_on_the_page() -> None:
    assert {name for name, _ in OF_FOLDERS} == {*(n.replace("_", "-") for n in FOLDERS), "bert-base-chinese"}


def test_the_control_on_labels_alone_is_the_same_student() -> None:
    """Only the weight of the labels differs, so that its teacher comes from the cache."""
    [(name, given)] = [each for each in BUILDS if "distill.alpha" in each[1]]
    ours = load_recipe(REPO / f"recipes/{name}.toml", given)
    with_teacher = load_recipe(REPO / f"recipes/{name}.toml", {"task.dataset": given["task.dataset"]})
    assert ours.stages[-1].model_dump() == with_teacher.stages[-1].model_dump() | {"alpha": 1}
    assert (ours.teacher, ours.task, ours.stages[:-1]) == (
        with_teacher.teacher,
        with_teacher.task,
        with_teacher.stages[:-1],
    )


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the recipes asked the Hub for; the rows have the columns and classes of the datasets there."""
    asked: list[tuple[Any, ...]] = []
    row: dict[str, dict[str, Any]] = {
        "lansinuote/ChnSentiCorp": {"text": "房间很干净", "label": 1},
        "tnews": {"sentence": "北京的房价", "label": 14, "idx": 0},
        "ocnli": {"sentence1": "一月有雪", "sentence2": "一月没有雪", "label": 2, "idx": 0},
        "levow/msra_ner": {"id": "0", "tokens": TEXT, "ner_tags": [0, 5, 6]},
        "xusenlin/clue-ner": {
            "text": "去 北京",
            "entities": [{"id": 0, "entity": "北京", "start_offset": 2, "end_offset": 4, "label": "address"}],
        },
    }
    tags = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
    classes: dict[str, Any] = {
        "lansinuote/ChnSentiCorp": {"label": ClassLabel(names=["negative", "positive"])},
        "tnews": {"label": ClassLabel(names=[str(100 + number) for number in range(17) if number not in (5, 11)])},
        "ocnli": {"label": ClassLabel(names=NLI)},
        "levow/msra_ner": {"ner_tags": List(ClassLabel(names=tags))},
    }

    def load_dataset(name: str, config: str | None = None, **more: Any) -> datasets.DatasetDict:
        asked.append((name, config, more))
        key = config or name
        secret = {"label": -1} if name == "clue/clue" else {}
        rows = {"train": [row[key]] * 40, "validation": [row[key]] * 3, "test": [row[key] | secret] * 5}
        tables = {split: datasets.Dataset.from_list(rows[split]) for split in rows}
        if name == "levow/msra_ner":
            del tables["validation"]
        for split, table in tables.items():
            table.info.builder_name = "parquet"
            for column, feature in classes.get(key, {}).items():
                tables[split] = table.cast_column(column, feature)
        return datasets.DatasetDict(tables)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return asked


@pytest.mark.parametrize(
    ("name", "asked", "rows", "label"),
    [
        ("chnsenticorp", ("lansinuote/ChnSentiCorp", None, {}), [40, 3, 5], "positive"),
        ("bert-base-chinese", ("lansinuote/ChnSentiCorp", None, {}), [40, 3, 5], "positive"),
        ("tnews", ("clue/clue", "tnews", {}), [38, 2, 3], "116"),
        ("ocnli", ("clue/clue", "ocnli", {}), [38, 2, 3], "contradiction"),
        ("msra-ner", ("levow/msra_ner", None, {"revision": "refs/convert/parquet"}), [38, 2, 5], TAGS),
    ],
)
def test_a_recipe_reads_what_the_hub_has(
    hub: list[tuple[Any, ...]], name: str, asked: tuple[Any, ...], rows: list[int], label: str | list[str]
) -> None:
    _, data = read(name, {})
    assert hub == [asked]
    assert [len(data.splits[split]["label"]) for split in ("train", "validation", "test")] == rows
    found = data.splits["test"]["label"][0]
    assert ([data.labels[tag] for tag in found] if isinstance(found, list) else data.labels[found]) == label


def test_the_program_of_the_page_writes_what_the_recipe_reads(
    hub: list[tuple[Any, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [program] = blocks(PAGE, "python")
    monkeypatch.chdir(tmp_path)
    exec(compile(program, "results.md", "exec"), {})  # noqa: S102
    _, data = read("cluener", {})
    assert [len(data.splits[split]["label"]) for split in ("train", "validation", "test")] == [36, 4, 3]
    test = data.splits["test"]
    assert test["tokens"][0] == TEXT
    assert [data.labels[tag] for tag in test["label"][0]] == ["O", "B-address", "I-address"]
