"""What is found in the rows of a recipe, in the words of the report."""

from pathlib import Path
from typing import Any

from pocketbert.compress.data.findings import find
from pocketbert.compress.data.overlap import SAME, UNSEEN
from pocketbert.compress.data.settings import TaskTable
from pocketbert.compress.data.texts import read_texts
from tests.support.datasets import write


def rows_of(split: str, count: int) -> list[dict[str, Any]]:
    return [{"text": f"{split}第{n}行", "label": "ab"[n % 2]} for n in range(count)]


def found_in(folder: Path, **splits: list[Any]) -> tuple[list[str], list[int]]:
    rows = {split: rows_of(split, 100) for split in ("train", "validation", "test")} | splits
    found = find(read_texts(TaskTable(dataset=str(write(folder, **rows)))))
    return found.remarks, found.test_seen.tolist()


def test_rows_without_a_finding(tmp_path: Path) -> None:
    assert found_in(tmp_path) == ([], [UNSEEN] * 100)


def test_test_rows_in_train_are_counted(tmp_path: Path) -> None:
    """Case c25: the first half of test is train."""
    test = [*rows_of("train", 50), *rows_of("test", 50)]
    test[0]["text"] = "ｔｒａｉｎ 第0行"
    [said], seen = found_in(tmp_path, test=test)
    assert said == (
        "warning: of 100 test texts 50 are in train too, and 0 nearly (character 3-grams with a Jaccard similarity of "
        "0.9 or more): 50.0 %; a score on this split is too high for new texts: remove these rows from train"
    )
    assert seen == [SAME] * 50 + [UNSEEN] * 50


def test_texts_are_compared_by_what_a_model_can_read_of_them(tmp_path: Path) -> None:
    """The beginnings are the same, 2,048 characters for 128 tokens, and only the ends differ."""
    long, short = "好书推荐" * 512, "好书推荐" * 511 + "好书推"
    train = [*rows_of("train", 100), {"text": f"{long}一", "label": "a"}, {"text": f"{short}一", "label": "b"}]
    test = [*rows_of("test", 99), {"text": f" {long}二", "label": "a"}]
    [said], seen = found_in(tmp_path, train=train, test=test)
    assert said.startswith("of 100 test texts 1 are in train too, and 0 nearly")
    assert seen == [UNSEEN] * 99 + [SAME]


def test_one_row_in_a_hundred_is_no_warning(tmp_path: Path) -> None:
    validation = [*rows_of("train", 1), *rows_of("validation", 99)]
    [said], _ = found_in(tmp_path, validation=validation)
    assert said.startswith("of 100 validation texts 1 are in train too")
    assert said.endswith("1.0 %")


def test_rows_without_a_label_are_training_rows(tmp_path: Path) -> None:
    [said], _ = found_in(tmp_path, unlabelled=[{"text": row["text"]} for row in rows_of("test", 100)])
    assert said.startswith("warning: of 100 test texts 100 are in train too")


def test_a_text_under_two_labels(tmp_path: Path) -> None:
    train = [*rows_of("train", 100), {"text": "train 第0行", "label": "b"}]
    [said], _ = found_in(tmp_path, train=train)
    assert said == (
        "warning: 1 training texts have more than one label (2 rows, 2.0 %), such as 'train第0行': 'a' and 'b'"
    )
    few, _ = found_in(tmp_path, train=[*rows_of("train", 900), {"text": "train 第0行", "label": "b"}])
    assert few[0].startswith("1 training texts")
    twice, _ = found_in(tmp_path, train=[*rows_of("train", 100), {"text": "train 第0行", "label": "a"}])
    assert twice == []


def test_pairs_are_the_same_if_both_texts_are(tmp_path: Path) -> None:
    def pairs(second: str) -> list[dict[str, Any]]:
        return [{"text": f"问题{n}", "text_pair": f"{second}{n}", "label": n % 2} for n in range(40)]

    write(tmp_path, train=pairs("甲"), validation=pairs("乙"), test=pairs("甲"))
    [said] = find(read_texts(TaskTable(kind="matching", dataset=str(tmp_path)))).remarks
    assert said.startswith("warning: of 40 test texts 40 are in train too")
    turned = [{"text": row["text_pair"], "text_pair": row["text"], "label": 1 - row["label"]} for row in pairs("甲")]
    write(tmp_path, train=pairs("甲"), validation=pairs("乙"), test=turned)
    assert find(read_texts(TaskTable(kind="matching", dataset=str(tmp_path)))).remarks == [said]
    write(tmp_path, train=[*pairs("甲"), *turned], validation=pairs("乙"), test=pairs("丙"))
    assert find(read_texts(TaskTable(kind="matching", dataset=str(tmp_path)))).remarks == [], "order may count"


def test_tags_of_one_sentence(tmp_path: Path) -> None:
    words = list("李雷去北京城")
    one = {"tokens": words, "label": ["B-PER", "E-PER", "O", "B-LOC", "M-LOC", "E-LOC"]}
    other = {"tokens": ["李雷", *words[2:]], "label": ["S-PER", *one["label"][2:]]}
    write(tmp_path, train=[one, other], validation=[one | {"tokens": list("韩梅去上海市")}], test=[one])
    test, labels, scheme = find(read_texts(TaskTable(kind="tagging", dataset=str(tmp_path)))).remarks
    assert test.startswith("warning: of 1 test texts 1 are in train too")
    assert "have more than one label (2 rows, 100.0 %), such as '李雷去北京城'" in labels
    assert "scheme BMES" in scheme


def test_characters_that_were_lost(tmp_path: Path) -> None:
    [said], _ = found_in(tmp_path, test=[*rows_of("test", 98), {"text": "好\ufffd\ufffd", "label": "a"}])
    assert said == "warning: 1 test texts hold U+FFFD (\ufffd): characters were lost before the file was written"
