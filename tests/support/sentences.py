"""The sentences of a text, by rule 7 of the language: what is code, a table or a picture is no sentence."""

import re

LONGEST = 25
"""Words of a sentence in README, guides and help."""
_ENDS = re.compile(r"(?<=[.!?])[)*”\"]*\s+(?=[A-Za-z`\"(\[*“0-9])")
_NOT_AN_END = re.compile(r"\b(?:e\.g|i\.e|et al|vs|No|Fig|approx)\.$")


def of_markdown(markdown: str) -> list[str]:
    """The sentences of prose: of paragraphs, list items and quotes; links are their text."""
    text = re.sub(r"^```.*?^```$", "", markdown, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"<!--.*?-->|!\[[^\]]*\]\([^)]*\)", "", text, flags=re.DOTALL)
    text = re.sub(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\([^)]*\)", r"\1", text)
    lines = [line for line in text.splitlines() if not re.match(r"\s*(\||#|!!!|---)", line)]
    paragraphs = re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )", "\n".join(lines))
    return [sentence for paragraph in paragraphs for sentence in of_text(paragraph)]


def of_text(text: str) -> list[str]:
    """The sentences of one paragraph."""
    found: list[str] = []
    for part in _ENDS.split(" ".join(re.sub(r"^\s*(?:[-*]|\d+\.) ", "", text).split())):
        if found and _NOT_AN_END.search(found[-1]):
            found[-1] += f" {part}"
        elif part:
            found.append(part)
    return found


def words(sentence: str) -> int:
    """The number of words; code in backticks is one word."""
    return len(re.sub(r"`[^`]*`", "code", sentence).split())
