"""One split as it was found: its columns, and where each row stands, so that a complaint can say so."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pocketbert.compress.base.errors import BadInput

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True)
class _Part(Sequence[object]):
    """Some rows of a column, read when they are asked for: not every column is, and some hold pictures."""

    values: Sequence[object]
    begin: int
    end: int

    def __len__(self) -> int:
        return self.end - self.begin

    def __iter__(self) -> Iterator[object]:
        return iter(self.values[self.begin : self.end])

    def __getitem__(self, at: Any) -> Any:
        return self.values[self.begin : self.end][at]


@dataclass(frozen=True)
class Table:
    """Columns as they were read, nothing checked.

    `where` names the split (``task.dataset 'reviews', train.csv``), `place` a row of it (``line 7``). `classes` holds
    the names of those columns whose integers stand for classes (`ClassLabel`, or lists of it).
    """

    where: str
    columns: Mapping[str, Sequence[object]]
    place: Callable[[int], str]
    classes: Mapping[str, list[str]]

    def __len__(self) -> int:
        return max(map(len, self.columns.values()), default=0)

    def part(self, split: str, begin: int, end: int) -> "Table":
        """Some of its rows, taken as `split`; they keep the names of their places."""
        columns = {name: _Part(values, begin, end) for name, values in self.columns.items()}
        return Table(f"{self.where}, taken as {split}", columns, lambda row: self.place(begin + row), self.classes)

    def complaint(self, row: int, what: str) -> BadInput:
        """The error that says `what` is wrong with a row."""
        return BadInput(f"{self.where}, {self.place(row)}: {what}")

    @staticmethod
    def of_dataset(where: str, table: "Dataset", place: str) -> "Table":
        """A table of `datasets`, whose columns are read when they are asked for."""
        from datasets import ClassLabel

        inner = {name: getattr(feature, "feature", feature) for name, feature in table.features.items()}
        return Table(
            where,
            {name: table[name] for name in table.column_names},
            place.format,
            {name: list(feature.names) for name, feature in inner.items() if isinstance(feature, ClassLabel)},
        )
