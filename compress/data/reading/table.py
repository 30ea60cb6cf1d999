"""One split as it was read: its columns, and the place of each row for error messages."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from pocketbert.compress.base.errors import BadInput

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True)
class _Part(Sequence[object]):
    """Consecutive values of a column, read on demand: unused columns stay unread, and some hold pictures."""

    values: Sequence[object]
    begin: int
    end: int

    def __len__(self) -> int:
        return self.end - self.begin

    def __iter__(self) -> Iterator[object]:
        return iter(self.values[self.begin : self.end])

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, int) and 0 <= at < len(self):  # one value alone, not the whole part
            return self.values[self.begin + at]
        return self.values[self.begin : self.end][at]


@dataclass(frozen=True)
class _Chosen(Sequence[object]):
    """Values of a column at some rows, read on demand."""

    values: Sequence[object]
    rows: Sequence[int]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[object]:
        every = self.values[:]
        return iter([every[row] for row in self.rows])

    def __getitem__(self, at: Any) -> Any:
        return [self.values[row] for row in self.rows[at]] if isinstance(at, slice) else self.values[self.rows[at]]


@dataclass(frozen=True)
class Table:
    """The columns of one split, unchecked.

    `where` names the split (``task.dataset 'reviews', train.csv``) and `place` a row of it (``line 7``). `classes`
    holds the names of the classes of those columns whose integers are class ids (`ClassLabel`, or lists of it).
    """

    where: str
    columns: Mapping[str, Sequence[object]]
    place: Callable[[int], str] = "row {} (from 0)".format
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return max(map(len, self.columns.values()), default=0)

    def values(self, column: str) -> list[object]:
        """Return the values of a column, an empty list if there is no such column.

        Raises:
            BadInput: a text is not UTF-8, which shows only while it is read.
        """
        try:
            return list(self.columns.get(column, ()))
        except UnicodeDecodeError as error:
            raise BadInput(
                f"{self.where}: column {column!r} holds texts that are not UTF-8; write them anew"
            ) from error

    def part(self, split: str, begin: int, end: int) -> "Table":
        """Return rows `begin` to `end` (exclusive) as the split `split`; the rows keep their places."""
        columns = {name: _Part(values, begin, end) for name, values in self.columns.items()}
        return Table(f"{self.where}, taken as {split}", columns, lambda row: self.place(begin + row), self.classes)

    def chosen(self, split: str, rows: Sequence[int]) -> "Table":
        """Return the rows of these numbers as the split `split`; the rows keep their places."""
        columns = {name: _Chosen(values, rows) for name, values in self.columns.items()}
        return Table(f"{self.where}, taken as {split}", columns, lambda row: self.place(rows[row]), self.classes)

    def row_error(self, row: int, problem: str) -> BadInput:
        """Return the error that names a row and its problem."""
        return BadInput(f"{self.where}, {self.place(row)}: {problem}")

    @staticmethod
    def joined(where: str, parts: "Sequence[Table]") -> "Table":
        """Join the rows of several files; a column that a file lacks is None in its rows."""
        names = dict.fromkeys(name for part in parts for name in part.columns)
        columns = {
            name: [value for part in parts for value in part.columns.get(name, [None] * len(part))] for name in names
        }
        ends = list(accumulate(map(len, parts)))

        def place(row: int) -> str:
            at = bisect_right(ends, row)
            part = parts[at]
            return f"{part.where.rpartition(', ')[2]}, {part.place(row - ends[at] + len(part))}"

        return Table(where, columns, place)

    @staticmethod
    def of_dataset(where: str, table: "Dataset") -> "Table":
        """Wrap a table of the library datasets; its columns are read on demand."""
        from datasets import ClassLabel

        inner = {name: getattr(feature, "feature", feature) for name, feature in table.features.items()}
        classes = {name: list(feature.names) for name, feature in inner.items() if isinstance(feature, ClassLabel)}
        # A slice is decoded at once, and an iteration row by row.
        columns = {name: _Part(table[name], 0, len(table)) for name in table.column_names}
        return Table(where, columns, classes=classes)
