"""Linear baseline (`linear_control` in the manifest): TF-IDF of character n-grams and logistic regression.

The report warns if the teacher is not better than this baseline. Small data sets get the exact model. Larger ones get
hashed n-grams and stochastic gradient descent, within limits of memory and time that depend on nothing but the rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

EXACT = 1_500_000
"""Most characters × weights per n-gram (1 for two labels, else one per label) of the exact model: its solver keeps some
25 copies of the weights, which are then up to 0.4 GB.
"""
N_GRAMS = 16_000_000
"""Most n-grams of the training rows together for the hashed model: 8 bytes each."""
WEIGHTS = 16_000_000
"""Most weights of the hashed model: 8 bytes each."""
UPDATES = 2_500_000_000
"""Most n-grams × weights per n-gram that the hashed model reads in all its epochs: some 30 seconds of one core."""
_ORDERS = 3
_SHORTEST = 64
"""Characters that a text keeps before rows are left out."""
_EPOCHS = 20
_BATCH = 1000


@dataclass(frozen=True)
class Predictions:
    """The predictions of the baseline.

    Attributes:
        one_hot: of each of the other splits, (rows, labels), to be scored like logits.
        train_rows: how many rows the baseline was trained on.
        longest: how many characters of a text it read; None: all.
    """

    one_hot: list[NDArray[np.float32]]
    train_rows: int
    longest: int | None


def linear_predictions(train_texts: Sequence[str], train_labels: Sequence[int], *others: Sequence[str]) -> Predictions:
    """Train on the first texts and predict each of `others`.

    TF-IDF over character 1- to 3-grams (sublinear counts), logistic regression with C = 10: better than C = 1 on the
    validation rows of `builtin:reviews` at every size tried.
    """
    labels = len(set(train_labels))
    columns = 1 if labels == 2 else labels
    fit = _exact if sum(map(len, train_texts)) * columns <= EXACT else _hashed
    predicted, rows, longest = fit(train_texts, train_labels, columns, others)
    one_hot = np.eye(max(train_labels) + 1, dtype=np.float32)
    return Predictions([one_hot[each] for each in predicted], rows, longest)


def _exact(
    texts: Sequence[str], labels: Sequence[int], _: int, others: Sequence[Sequence[str]]
) -> tuple[list[Any], int, None]:
    """Return the predictions of a logistic regression that has converged."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, _ORDERS), sublinear_tf=True)
    model = LogisticRegression(C=10.0, max_iter=1000)
    model.fit(vectorizer.fit_transform(texts), labels)
    return [model.predict(vectorizer.transform(each)) for each in others], len(texts), None


def _hashed(
    texts: Sequence[str], labels: Sequence[int], columns: int, others: Sequence[Sequence[str]]
) -> tuple[list[Any], int, int | None]:
    """Return the predictions of a model of limited memory and time: shorter texts, fewer rows, fewer epochs."""
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import SGDClassifier

    characters = min(N_GRAMS // _ORDERS, UPDATES // _ORDERS // columns)
    longest = max(_SHORTEST, _longest(texts, characters))
    rows = _spread(len(texts), sum(min(len(text), longest) for text in texts), characters)
    features = 2 ** min(18, int(np.log2(max(WEIGHTS // columns, 2))))
    tfidf = TfidfTransformer(sublinear_tf=True)
    counts = _counts([texts[row][:longest] for row in rows], features)
    known = tfidf.fit(counts).transform(counts, copy=False)
    epochs = int(np.clip(UPDATES // (known.nnz * columns), 1, _EPOCHS))
    # alpha is 1 / (C × rows) of the exact model
    model = SGDClassifier(loss="log_loss", alpha=0.1 / len(rows), max_iter=epochs, tol=None, random_state=0)
    model.fit(known, np.asarray(labels)[rows])

    def predict(split: Sequence[str]) -> Any:
        parts = [[text[:longest] for text in split[start : start + _BATCH]] for start in range(0, len(split), _BATCH)]
        return np.concatenate([model.predict(tfidf.transform(_counts(part, features))) for part in parts])

    return [predict(each) for each in others], len(rows), longest if longest < max(map(len, texts)) else None


def _longest(texts: Sequence[str], characters: int) -> int:
    """Return the length to which texts are cut, so that all of them have at most `characters` characters."""
    lengths = np.sort([len(text) for text in texts])
    before = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    allowed = (characters - before) / np.arange(len(lengths), 0, -1)  # for this text and all longer ones
    over = np.flatnonzero(lengths > allowed)
    return int(allowed[over[0]]) if len(over) else int(lengths[-1])


def _spread(count: int, total: int, characters: int) -> NDArray[np.intp]:
    """Return so many evenly spread rows of `count` that of their `total` characters about `characters` are left."""
    kept = min(count, max(2, count * characters // max(total, 1)))
    return np.linspace(0, count - 1, kept).astype(np.intp)


def _counts(texts: Sequence[str], features: int) -> "csr_matrix":
    """Count the n-grams of each text under their hash, (rows, features)."""
    from scipy.sparse import vstack
    from sklearn.feature_extraction.text import HashingVectorizer

    vectorizer = HashingVectorizer(
        analyzer="char",
        ngram_range=(1, _ORDERS),
        n_features=features,
        norm=None,
        alternate_sign=False,
        dtype=np.float32,
    )
    starts = range(0, len(texts), _BATCH)
    return vstack([vectorizer.transform(texts[start : start + _BATCH]) for start in starts], format="csr")
