"""Time and recall of the search for rows that are in train too.

`python -m studies.overlap` makes 50,000 training texts of 40, 200 and 900 random characters and 10,000 test texts, half
of which differ from a training text in one character, and prints the table of docs/robustness-results.md.
"""

import random
import time

import numpy as np
from tabulate import tabulate

from pocketbert.compress.base.errors import percent
from pocketbert.compress.data.overlap import NEAR, SIMILAR, jaccard, seen

TRAIN, ROWS, LENGTHS = 50_000, 10_000, (40, 200, 900)
_CHARACTERS = [chr(0x4E00 + number) for number in range(3000)]


def main() -> None:
    """Print the table."""
    headers = ["characters", "seconds of CPU", "pairs at 0.9 or more", "found", "found below 0.9"]
    print(tabulate([measured(length) for length in LENGTHS], headers=headers, tablefmt="pipe"))


def measured(length: int) -> list[object]:
    """Return the row of the table for texts of so many characters."""
    draw = random.Random(0)  # noqa: S311
    train = ["".join(draw.choices(_CHARACTERS, k=length)) for _ in range(TRAIN)]
    rows = []
    for number in range(ROWS):
        letters = list(train[number]) if number % 2 else draw.choices(_CHARACTERS, k=length)
        letters[draw.randrange(length)] = "〇"
        rows.append("".join(letters))
    similar = np.array([jaccard(one, other) >= SIMILAR for one, other in zip(train, rows, strict=False)])
    began = time.process_time()
    found = seen(train, rows) == NEAR
    seconds = time.process_time() - began
    return [
        length,
        round(seconds, 1),
        int(similar.sum()),
        percent(found[similar].mean(), 2),
        int(found[~similar].sum()),
    ]


if __name__ == "__main__":
    main()
