"""How the tags of a tagging task are read, if they are not plain BIO or BIOES."""

from collections.abc import Iterator, Sequence

import numpy as np

from pocketbert.compress.tasks.schemes import OUTSIDE, as_bioes, describe_scheme


def tag_remarks(labels: Sequence[str], rows: Sequence[Sequence[int]]) -> Iterator[str]:
    """Yield remarks on the scheme of the labels, and on entities of these rows that begin with I or E.

    An entity begins with I in IOB1 and IO, and by mistake in every other scheme. Both are read as entities, as seqeval
    reads them.
    """
    if scheme := describe_scheme(labels):
        yield scheme
    marks = [*as_bioes(labels), OUTSIDE]
    part = np.array([mark[0] for mark in marks])
    kind = np.unique([mark[2:] for mark in marks], return_inverse=True)[1]
    is_open, is_closed = np.isin(part, ["I", "E"]), np.isin(part, [OUTSIDE, "E", "S"])
    tags = np.array([tag for row in rows for tag in row], dtype=np.intp)
    before = np.concatenate([np.array([len(labels), *row[:-1]], dtype=np.intp) for row in rows])
    same_kind = kind[before] == kind[tags]
    inside = int(np.sum(is_open[tags] & (is_closed[before] | ~same_kind)))
    begins = np.isin(part, ["B", "S"])[tags]
    between = (part == "B")[tags] & np.isin(part, ["B", "I"])[before] & same_kind
    if not inside:
        return
    if "E" not in part and "S" not in part and np.array_equal(begins, between):
        yield "the tags follow the scheme IOB1: entities begin with I, and B only separates two neighbours of one type"
    else:
        total = inside + int(begins.sum())
        yield (
            f"warning: {inside:,} of {total:,} entities in train begin with I or E instead of B or S; they count as "
            "entities"
        )
