"""The picture of a terminal keeps text, columns and colours."""

from xml.etree import ElementTree

from docsite.terminal import draw


def test_text_columns_and_colours() -> None:
    recorded = "\x1b[32m$\x1b[0m run\r\n  好坏  <b> \x1b[1m\x1b[31mred\x1b[0m plain\r\n"
    root = ElementTree.fromstring(draw(recorded, "a title", "a description"))  # noqa: S314
    assert [child.text for child in root[:2]] == ["a title", "a description"]
    texts = [
        (text.text, round((float(text.attrib["x"]) - 12) / 8.43), text.get("fill"), text.get("font-weight"))
        for text in root.findall("{*}text")
    ]
    assert texts == [
        ("$", 0, "#3fb950", None),
        ("run", 2, None, None),
        ("好", 2, None, None),
        ("坏", 4, None, None),
        ("<b>", 8, None, None),
        ("red", 12, "#ff7b72", "bold"),
        ("plain", 16, None, None),
    ]
    assert {text.attrib["y"] for text in root.findall("{*}text")} == {"26", "45"}
    assert float(root.attrib["width"]) == round(24 + 21 * 8.43)
