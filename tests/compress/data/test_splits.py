"""Splits taken from others: which rows, how the rows are named, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.load import load_data
from pocketbert.compress.data.settings import Split, TaskTable
from tests.support.datasets import write

Cut = Callable[..., TaskTable]
ROWS = [{"text": f"第{n}行", "label": "ab"[n % 2]} for n in range(20)]


@pytest.fixture
def cut(tmp_path: Path) -> Cut:
    """Make a task on a folder of 20 training rows and 4 rows of other splits, with these `task.splits`."""

    def task(others: tuple[str, ...] = (), **splits: str) -> TaskTable:
        folder = write(tmp_path / "rows", train=ROWS, **dict.fromkeys(others, ROWS[:4]))
        named: dict[Split, str] = splits  # type: ignore[assignment]  # a wrong name is for the recipe to refuse
        return TaskTable(dataset=str(folder), splits=named)

    return task


def texts(task: TaskTable, split: str) -> list[str]:
    return load_data(task).splits[split]["text"]


def test_three_out_of_one(cut: Cut) -> None:
    task = cut(train="train[:16]", validation="train[80%:90%]", test="train[-2:]")
    assert texts(task, "train") == [row["text"] for row in ROWS[:16]]
    assert texts(task, "validation") == ["第16行", "第17行"]
    assert texts(task, "test") == ["第18行", "第19行"]
    data = load_data(task)
    assert data.splits["test"]["label"] == [0, 1]
    assert "validation is train[80%:90%] of the source: 2 rows" in data.remarks


def test_another_split_in_the_place_of_a_hidden_one(cut: Cut) -> None:
    task = cut(("validation", "test"), train="train[:18]", validation="train[18:]", test="validation")
    assert texts(task, "test") == [row["text"] for row in ROWS[:4]]
    assert texts(task, "validation") == ["第18行", "第19行"]


def test_rows_keep_the_names_of_their_places(tmp_path: Path) -> None:
    rows = [*ROWS[:18], {"text": "", "label": "a"}, ROWS[19]]
    task = TaskTable(
        dataset=str(write(tmp_path / "rows", train=rows, test=ROWS[:4])),
        splits={"train": "train[:18]", "validation": "train[90%:]"},
    )
    with pytest.raises(BadInput, match=r"train\.jsonl, taken as validation, line 19: "):
        load_data(task)


@pytest.mark.parametrize(
    "slices", ["dev", "train[90%", "train[:200%]", "train+test", "", "train[a:b]", "train[10%:15]"]
)
def test_what_is_no_part_of_a_split(cut: Cut, slices: str) -> None:
    with pytest.raises(BadInput) as raised:
        load_data(cut(("test",), train="train[:10]", validation=slices))
    assert f"task.splits.validation: {slices!r} is no split or slice; expected: one of test, train, or a slice" in str(
        raised.value
    )
    assert "\n" not in str(raised.value)


def test_a_part_without_rows(cut: Cut) -> None:
    with pytest.raises(BadInput, match=r"task\.splits\.validation: 'train\[20:\]' has no rows; train has 20"):
        load_data(cut(("test",), validation="train[20:]"))


@pytest.mark.parametrize(
    ("splits", "pair"),
    [
        ({"validation": "train[90%:]"}, r"train \(train\) and validation \(train\[90%:\]\)"),
        ({"validation": "test"}, r"validation \(test\) and test \(test\)"),
        ({"train": "train[:19]", "validation": "train[18:]"}, r"train \(train\[:19\]\) and validation"),
        (
            {"train": "train[:9]", "validation": "train[9:]", "unlabelled": "test"},
            r"test \(test\) and unlabelled \(test\)",
        ),
    ],
)
def test_rows_that_would_be_trained_on_and_scored(cut: Cut, splits: dict[str, str], pair: str) -> None:
    with pytest.raises(BadInput, match=f"task.splits: {pair}.* share rows; use slices that do not overlap"):
        load_data(cut(("test",), **splits))


@pytest.mark.parametrize("hidden", [-1, "-1", None, "", "no column"])
def test_a_split_without_labels_says_how_to_take_another(tmp_path: Path, hidden: object) -> None:
    secret = [{"text": row["text"]} | ({} if hidden == "no column" else {"label": hidden}) for row in ROWS[:4]]
    folder = write(tmp_path / "rows", train=ROWS, validation=ROWS[:2], test=secret)
    with pytest.raises(BadInput, match=r"test\.jsonl: column 'label' has no labels.*test = 'validation'"):
        load_data(TaskTable(dataset=str(folder)))


def test_parts_of_rows_sorted_by_label(tmp_path: Path) -> None:
    """The first rows have one label and the last rows another; a whole split of such rows is accepted."""
    folder = write(tmp_path / "rows", train=sorted(ROWS, key=lambda row: row["label"]), dev=ROWS, test=ROWS)
    with pytest.raises(BadInput, match=r"task\.splits\.train: task.dataset '.*', train.jsonl is sorted by label"):
        load_data(TaskTable(dataset=str(folder), splits={"train": "train[:15]", "validation": "train[15:]"}))
    assert texts(TaskTable(dataset=str(folder), splits={"validation": "dev"}), "validation") == [
        row["text"] for row in ROWS
    ]


def test_few_rows_of_many_labels_are_not_sorted(tmp_path: Path) -> None:
    rows = [{"text": row["text"], "label": f"{n:02}"} for n, row in enumerate(ROWS)]
    folder = write(tmp_path / "rows", train=[*rows, *rows], test=rows[:4], dev=rows)
    task = TaskTable(dataset=str(folder), splits={"validation": "dev[:8]"})
    assert texts(task, "validation") == [row["text"] for row in rows[:8]]


def test_a_missing_split_says_how_to_cut_one(cut: Cut) -> None:
    with pytest.raises(BadInput, match=r"validation is missing.*task\.splits can take rows of another split"):
        load_data(cut(("test",)))
