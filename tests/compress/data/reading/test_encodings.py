"""Text files that are not UTF-8: the message names the likely encoding (case c20)."""

from pathlib import Path

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.reading.encodings import likely_encoding, opened

SIMPLIFIED = "这家酒店的服务很好，房间干净，早餐也不错。"
TRADITIONAL = "這家酒店的服務很好，房間乾淨，早餐也不錯。"


def read(file: Path) -> str:
    with opened(file, "here", newline="") as text:
        return text.read()


def complaint(folder: Path, content: bytes) -> str:
    (folder / "train.csv").write_bytes(content)
    with pytest.raises(BadInput) as raised:
        read(folder / "train.csv")
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf_8_with_or_without_a_mark(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_bytes(f"text\r\n{SIMPLIFIED}\u2028\r\n".encode(encoding))
    assert read(tmp_path / "train.csv") == f"text\r\n{SIMPLIFIED}\u2028\r\n"


@pytest.mark.parametrize(
    ("text", "encoding", "named"),
    [(SIMPLIFIED, "gbk", "GBK"), (SIMPLIFIED, "gb18030", "GBK"), (TRADITIONAL, "big5", "BIG5")],
)
def test_chinese_encodings_are_named(text: str, encoding: str, named: str, tmp_path: Path) -> None:
    said = complaint(tmp_path, f"text,label\n好,a\n{text},b\n".encode(encoding))
    assert said == (
        f"here, line 2: is not UTF-8, probably {named}; save the file as UTF-8, such as by: "
        f"iconv -f {named} -t UTF-8 train.csv"
    )


@pytest.mark.parametrize(
    ("encoding", "named"),
    [("utf-16", "UTF-16"), ("utf-32", "UTF-32"), ("utf-16-le", "UTF-16LE"), ("utf-16-be", "UTF-16BE")],
)
def test_wide_encodings_are_named(encoding: str, named: str, tmp_path: Path) -> None:
    said = complaint(tmp_path, f"text,label\n{SIMPLIFIED},1\n".encode(encoding))
    assert f"here: is not UTF-8, probably {named}; save the file as UTF-8, such as by: iconv -f {named} " in said
    assert named in complaint(tmp_path, ("text,label\n" + f"{SIMPLIFIED * 4},1\n" * 20).encode(encoding))


def test_nothing_is_guessed_without_a_reason(tmp_path: Path) -> None:
    said = complaint(tmp_path, f"text\n{SIMPLIFIED}\n".encode() + b"caf\xe9 du soir\n")
    assert (
        said == "here, line 3: is not UTF-8; save the file as UTF-8, such as by: iconv -f ENCODING -t UTF-8 train.csv"
    )
    assert likely_encoding("こんにちは".encode("shift_jis")) is None


def test_control_characters_are_text(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_bytes("一\x00二三四五六七".encode() * 40)
    assert read(tmp_path / "train.csv").count("\x00") == 40
