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
    kind = np.array([mark[2:] for mark in marks])
    tags = np.array([tag for row in rows for tag in row], dtype=np.intp)
    before = np.concatenate([np.array([len(labels), *row[:-1]], dtype=np.intp) for row in rows])
    same_kind = kind[before] == kind[tags]
    inside = int(np.sum(np.isin(part[tags], ["I", "E"]) & (np.isin(part[before], [OUTSIDE, "E", "S"]) | ~same_kind)))
    begins = np.isin(part[tags], ["B", "S"])
    between = (part[tags] == "B") & np.isin(part[before], ["B", "I"]) & same_kind
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
