"""Tagging schemes: the way a label says where in an entity its word is, and of which type the entity is."""

import re
from collections.abc import Iterator, Sequence

from pocketbert.compress.base.errors import BadInput

OUTSIDE = "O"
Span = tuple[str, int, int]
"""An entity: its type, first word, last word."""
WORD = "WORD"
"""The type of entities whose labels name none: word segmentation has the labels B, M, E and S alone."""
_FORMS = {
    "PART-TYPE": re.compile(r"(?P<part>[BIMESLUW])-(?P<type>.+)"),
    "PART_TYPE": re.compile(r"(?P<part>[BIMESLUW])_(?P<type>.+)"),
    "TYPE-PART": re.compile(r"(?P<type>.+)-(?P<part>[BIMESLUW])"),
    "TYPE_PART": re.compile(r"(?P<type>.+)_(?P<part>[BIMESLUW])"),
    "PART": re.compile(r"(?P<part>[BIMESLUW])"),
}
_SCHEMES = {"BIO": "BI", "BIOES": "BIES", "BMES": "BMES", "BILOU": "BILU", "BMEW": "BMEW"}
"""Scheme -> the letters of its parts. The first one that has all letters of the labels is the scheme."""
_AS_BIOES = str.maketrans("MLUW", "IESS")
_ALLOWED = (
    "allowed: O and B-TYPE, I-TYPE (BIO, BIOES, BMES or BILOU), the same as B_TYPE, TYPE-B or TYPE_B, or B, M, E, S "
    "alone"
)


def as_bioes(labels: Sequence[str]) -> list[str]:
    """Return each label as the scheme BIOES writes it: ``M-PER`` is ``I-PER``, a bare ``B`` is ``B-WORD``.

    Raises:
        BadInput: the labels are of no scheme, or of several.
    """
    form, _ = _recognised(labels)
    return [_rewritten(label, _FORMS[form]) for label in labels]


def spans(marks: Sequence[str]) -> Iterator[Span]:
    """Yield the entities of one row of BIOES marks, by the rule of the CoNLL shared tasks.

    A mark that fits no entity before it begins one, also without its B (conlleval; Tjong Kim Sang and De Meulder 2003).
    """
    first, before = 0, OUTSIDE
    for word, mark in enumerate([*marks, OUTSIDE]):
        if before[0] in "BI" and mark[0] in "IE" and before[2:] == mark[2:]:
            before = mark
            continue
        if before != OUTSIDE:
            yield before[2:], first, word - 1
        first, before = word, mark


def describe_scheme(labels: Sequence[str]) -> str | None:
    """Describe in one sentence how labels are read that are neither BIO nor BIOES with the part in front, else None.

    Raises:
        BadInput: see `as_bioes`.
    """
    form, scheme = _recognised(labels)
    read = {label: new for label, new in zip(labels, as_bioes(labels), strict=True) if label != new}
    if not read:
        return None
    shown = ", ".join(f"{label} as {new}" for label, new in list(read.items())[:4])
    more = ", …" if len(read) > 4 else ""
    return (
        f"the tags follow the scheme {scheme}, written {form}; entities are read with {shown}{more}; "
        "the model keeps the labels of the data"
    )


def _recognised(labels: Sequence[str]) -> tuple[str, str]:
    """Return the form and the scheme of the labels."""
    marks = [label for label in labels if label != OUTSIDE]
    wrong = {form: [label for label in marks if not known.fullmatch(label)] for form, known in _FORMS.items()}
    form = min(wrong, key=lambda form: len(wrong[form]))
    if wrong[form]:
        meant = f", did you mean {OUTSIDE!r}?" if wrong[form][0] in ("0", "o", "Ｏ") else ""
        raise BadInput(f"tagging: label {wrong[form][0]!r} marks no entity{meant}; {_ALLOWED}")
    parts = {found["part"] for label in marks if (found := _FORMS[form].fullmatch(label))}
    for scheme, letters in _SCHEMES.items():
        if parts <= set(letters):
            return form, scheme
    raise BadInput(f"tagging: the labels mix the parts {', '.join(sorted(parts))} of several schemes; {_ALLOWED}")


def _rewritten(label: str, form: re.Pattern[str]) -> str:
    found = None if label == OUTSIDE else form.fullmatch(label)
    if not found:
        return label
    return f"{found['part'].translate(_AS_BIOES)}-{found.groupdict().get('type', WORD)}"
