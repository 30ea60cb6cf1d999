"""Rows whose text is in the training rows too, exactly or nearly: a score on them says little about new texts.

Nearly: the Jaccard similarity of the character 3-grams is at least 0.9. Candidates come from MinHash signatures in
bands (Broder 1997, "On the resemblance and containment of documents"; Indyk and Motwani 1998, "Approximate nearest
neighbors"), and each is then compared exactly.
"""

import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

SIMILAR = 0.9
UNSEEN, NEAR, SAME = 0, 1, 2
"""What `seen` says of a row."""
_BANDS, _WIDTH = 12, 8
"""A pair of similarity 0.9 shares one of 12 bands of 8 hashes with probability 0.9988, a pair of 0.5 with 0.046."""
_CLOSE = 0.8
"""Share of equal hashes from which a candidate is compared; its standard error is 0.03 at a similarity of 0.9."""
_PER_BAND = 32
"""Candidates of a row in each band: more are rows of one template."""
_CHUNK = 1 << 16
"""Characters that are hashed at a time."""
_Hashes = NDArray[np.uint64]


def normalised(text: str) -> str:
    """Return a text without blanks, in NFKC and folded case."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def seen(train: Sequence[str], rows: Sequence[str]) -> NDArray[np.uint8]:
    """Return, per row, whether its text is in `train`: `SAME`, `NEAR` or `UNSEEN`. All texts are normalised."""
    known = set(train)
    found = np.array([SAME if row in known else UNSEEN for row in rows], dtype=np.uint8)
    asked = [at for at, row in enumerate(rows) if row not in known]
    found[np.array(asked, dtype=np.intp)[_similar(sorted(known), [rows[at] for at in asked])]] = NEAR
    return found


def _similar(train: Sequence[str], rows: Sequence[str]) -> NDArray[np.bool_]:
    """Return, per row, whether a text of `train` has at least the similarity `SIMILAR`."""
    train, long_enough = [text for text in train if len(text) > 2], [at for at, row in enumerate(rows) if len(row) > 2]
    out = np.zeros(len(rows), dtype=np.bool_)
    if not train or not long_enough:
        return out
    asked = [rows[at] for at in long_enough]
    ours, theirs = _signatures(asked), _signatures(train)
    compared = set[tuple[int, int]]()  # a pair may share several bands
    for pair in _candidates(ours, theirs):
        row, candidate = pair
        if not out[long_enough[row]] and pair not in compared:
            compared.add(pair)
            out[long_enough[row]] = jaccard(asked[row], train[candidate]) >= SIMILAR
    return out


def jaccard(one: str, other: str) -> float:
    """Return the Jaccard similarity of the sets of character 3-grams of two texts."""
    a, b = ({text[at : at + 3] for at in range(len(text) - 2)} for text in (one, other))
    return len(a & b) / len(a | b) if a | b else float(one == other)


def _candidates(ours: NDArray[np.uint32], theirs: NDArray[np.uint32]) -> Iterator[tuple[int, int]]:
    """Yield pairs (row of `ours`, row of `theirs`) that share a band and most hashes."""
    for band in range(_BANDS):
        part = slice(band * _WIDTH, (band + 1) * _WIDTH)
        keys, asked = _joined(theirs[:, part]), _joined(ours[:, part])
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        begin = np.searchsorted(keys, asked, side="left")
        count = np.minimum(np.searchsorted(keys, asked, side="right") - begin, _PER_BAND)
        row = np.repeat(np.arange(len(ours)), count)
        candidate = order[np.repeat(begin, count) + np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)]
        for start in range(0, len(row), 1 << 16):
            r, c = row[start : start + (1 << 16)], candidate[start : start + (1 << 16)]
            close = (ours[r] == theirs[c]).mean(axis=1) >= _CLOSE
            yield from zip(r[close].tolist(), c[close].tolist(), strict=True)


def _signatures(texts: Sequence[str]) -> NDArray[np.uint32]:
    """Return the smallest hash of each text's 3-grams, for every hash function, (texts, hashes)."""
    draw = np.random.default_rng(0)
    factors = draw.integers(0, 2**31, _BANDS * _WIDTH, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    out = np.empty((len(texts), len(factors)), dtype=np.uint32)
    for first, last in _chunks([len(text) for text in texts]):
        grams, starts = _grams(texts[first:last])
        for at, factor in enumerate(factors):
            out[first:last, at] = np.minimum.reduceat(grams * factor, starts)
    return out


def _chunks(lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield ranges of texts with about `_CHUNK` characters together."""
    first, characters = 0, 0
    for at, length in enumerate(lengths, start=1):
        characters += length
        if characters >= _CHUNK or at == len(lengths):
            yield first, at
            first, characters = at, 0


def _grams(texts: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.intp]]:
    """Return the hashes of the 3-grams of all texts, and where those of each text begin."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), dtype="<u4").astype(np.uint64)
    lengths = np.array([len(text) for text in texts])
    inside = np.ones(len(codes), dtype=np.bool_)
    ends = np.cumsum(lengths)
    inside[ends - 1] = inside[ends - 2] = False
    grams = (codes[:-2] << np.uint64(42) | codes[1:-1] << np.uint64(21) | codes[2:])[inside[:-2]]
    starts = np.concatenate([[0], np.cumsum(lengths - 2)[:-1]])
    return (_mixed(grams) >> np.uint64(32)).astype(np.uint32), starts


def _mixed(numbers: _Hashes) -> _Hashes:
    """Mix the bits of each number (the finalizer of SplitMix64, Steele et al. 2014)."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        numbers = (numbers ^ numbers >> np.uint64(shift)) * np.uint64(factor)
    return numbers ^ numbers >> np.uint64(31)


def _joined(band: NDArray[np.uint32]) -> _Hashes:
    """Return one number for the hashes of each row, (rows, hashes)."""
    key = np.zeros(len(band), dtype=np.uint64)
    for column in band.T:
        key = _mixed(key ^ column)
    return key
