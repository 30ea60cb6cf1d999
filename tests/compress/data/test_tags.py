"""Remarks on tags that are not plain BIO."""

from pocketbert.compress.data.tags import tag_remarks


def remarks(*rows: str) -> list[str]:
    tags = [row.split() for row in rows]
    labels = sorted({tag for row in tags for tag in row})
    return list(tag_remarks(labels, [[labels.index(tag) for tag in row] for row in tags]))


def test_the_usual_schemes_need_no_remark() -> None:
    assert remarks("B-PER I-PER O B-LOC B-LOC", "O O", "B-PER I-PER") == []
    assert remarks("B-PER E-PER S-LOC O B-LOC I-LOC E-LOC") == []


def test_another_scheme_is_told() -> None:
    [said] = remarks("B-PER E-PER O B-LOC M-LOC E-LOC")
    assert said.startswith("the tags follow the scheme BMES, written PART-TYPE; entities are read with M-LOC as I-LOC;")
    [said] = remarks("B E S B M E")
    assert "M as I-WORD" in said


def test_iob1_is_told() -> None:
    for rows in (["I-PER I-PER O I-LOC B-LOC I-LOC", "I-LOC"], ["I-PER O I-PER"]):
        [said] = remarks(*rows)
        assert said.startswith("the tags follow the scheme IOB1: entities begin with I")


def test_entities_that_begin_inside_are_counted() -> None:
    [said] = remarks("B-PER I-PER O I-LOC", "I-LOC O B-PER I-LOC")
    assert said.startswith("warning: 3 of 5 entities in train begin with I or E instead of B or S;")
    [said] = remarks("B-PER E-PER E-PER O S-LOC")
    assert said.startswith("warning: 1 of 3 entities")
