from pocketbert.bench.report.format.markdown import bullets, code, fold, moment, paragraphs, quoted, table, text
from tests.support.reports import check_tables


def test_foreign_text_breaks_no_table() -> None:
    shown = table(["name", "figure"], [[text("a|b <details> &\nc"), "1 MB"], [code("x|`y"), ""]])
    assert check_tables(shown) == 1
    assert "<details>" not in shown
    assert "1\N{NO-BREAK SPACE}MB" in shown


def test_a_column_without_figures_is_left_out() -> None:
    shown = table(["name", "macs", "bytes"], [["a", "", "1"], ["b", "", ""]])
    assert "macs" not in shown
    assert shown.splitlines()[-1].endswith("– |")


def test_a_value_that_all_rows_share_is_said_once() -> None:
    rows = [["a", "9", "1"], ["b", "9", "1"]]
    shown = table(["name", "examples", "bytes"], rows, once=["examples"])
    assert shown.splitlines()[0] == "| name   |   bytes |"
    assert shown.endswith("\n\nIn every row: examples: 9.")
    assert "In every row" not in table(["name", "examples"], [["a", "9"], ["b", "8"]], once=["examples"])
    assert "In every row" not in table(["name", "examples"], [["a", "9"]], once=["examples"])
    assert "In every row" not in table(["name", "examples"], [["a", "9"], ["b", ""]], once=["examples"])


def test_words_are_left_and_numbers_right() -> None:
    assert table(["a", "b", "c"], [["1 2", "3 4", "5 6"]], words=2).splitlines()[1:] == [
        "|:----|:----|----:|",
        "| 1 2 | 3 4 | 5\N{NO-BREAK SPACE}6 |",
    ]


def test_without_rows_there_is_no_table() -> None:
    assert table(["name"], []) == ""


def test_names_are_code_unless_code_cannot_hold_them() -> None:
    assert code("a  b") == "`a b`"
    assert code("a`b|c") == "a&#96;b&#124;c"
    assert quoted("@someone `#1` | x") == "`@someone '#1' ¦ x`"


def test_empty_lines_and_blocks_are_left_out() -> None:
    assert bullets(["one", "", "two"]) == "- one\n- two"
    assert paragraphs("one", "", "two") == "one\n\ntwo"


def test_folds_keep_their_blank_lines() -> None:
    assert fold("s", "two", intro="one") == "<details>\n<summary>s</summary>\n\none\n\ntwo\n\n</details>"
    assert fold("s", "one", note="two") == fold("s", "two", intro="one")
    assert fold("s", "", intro="one", note="two") == ""


def test_times_are_in_utc() -> None:
    assert moment("2026-01-14T20:03:22+01:00") == "2026-01-14 19:03 UTC"
    assert moment("yesterday | noon") == "yesterday &#124; noon"
