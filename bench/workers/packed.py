"""Tokenized inputs as arrays, the form in which they travel to a worker."""

from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.tasks.inputs import Inputs

Arrays = dict[str, NDArray[np.int64]]


def pack(inputs: Inputs) -> Arrays:
    """Return the inputs as integer arrays: each list of lists is its concatenation and the lengths of its parts."""
    parts = {"tokens": inputs.sequences, "types": inputs.types, "scored": inputs.scored}
    arrays = {"padding": np.array([inputs.padding])}
    for name, lists in parts.items():
        if lists is not None:
            lengths = list(map(len, lists))
            arrays[f"{name}_lengths"] = np.array(lengths, dtype=np.int64)
            arrays[name] = np.fromiter(chain.from_iterable(lists), dtype=np.int64, count=sum(lengths))
    return arrays


def unpack(arrays: Mapping[str, NDArray[Any]]) -> Inputs:
    """Return the inputs that `pack` made arrays of, each as a row of its own."""

    def lists(name: str) -> list[list[int]] | None:
        if name not in arrays:
            return None
        ends = np.cumsum(arrays[f"{name}_lengths"])[:-1]
        return [part.tolist() for part in np.split(arrays[name], ends)]

    return Inputs(lists("tokens") or [], int(arrays["padding"][0]), lists("types"), lists("scored"))
