"""A record resumes after an interruption, and is refused for another subject."""

import lzma
from pathlib import Path

import pytest

from pocketbert.compress.base.errors import BadInput
from studies.verdicts.record import Record
from tests.support.verdicts import recorded_pairs


def test_a_record_resumes(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    first = Record(path, "it")
    for pair in recorded_pairs(0.0, 8):
        first.add(pair)
    first.add({"column": "0% idle at +5%", "outcome": "ok", "pairs": 4, "seconds": 2.0})
    first.add({"slow_down": 0.1, "columns": 187})
    with path.open("a") as file:
        file.write('{"trunca')
    again = Record(path, "it")
    assert again.pairs == first.pairs
    assert again.live == first.live
    assert again.work == {0.1: 187}
    again.add({"slow_down": 0.2, "columns": 374})
    assert Record(path, "it").work == {0.1: 187, 0.2: 374}, "the line that was cut swallows no other one"
    again.pack(tmp_path / "verdicts.jsonl.xz")
    assert lzma.decompress((tmp_path / "verdicts.jsonl.xz").read_bytes()) == path.read_bytes()


def test_a_record_of_another_subject_is_refused(tmp_path: Path) -> None:
    Record(tmp_path / "record.jsonl", "it")
    with pytest.raises(BadInput, match=r"record\.jsonl is a record of it, not of another; move the file away"):
        Record(tmp_path / "record.jsonl", "another")
