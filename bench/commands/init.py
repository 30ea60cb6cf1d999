"""``pocketbert init``: the first recipe for a model and its data."""

import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from pocketbert.compress.base.commands import echo
from pocketbert.compress.base.failures import ERROR_LOG, failures_logged
from pocketbert.compress.pipeline.init.template import Size

if TYPE_CHECKING:
    from rich.table import Table

    from pocketbert.compress.pipeline.init.prepare import Line


def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The recipe's name; the file is recipes/NAME.toml.")],
    model: Annotated[
        str,
        typer.Option(
            metavar="MODEL", help="The model to compress, fine-tuned or not: a folder, or an id on Hugging Face Hub."
        ),
    ],
    data: Annotated[
        str,
        typer.Option(
            metavar="DATA", help="A .csv, .jsonl or .parquet file, a folder of them, or an id on Hugging Face Hub."
        ),
    ],
    size: Annotated[
        Size,
        typer.Option(
            help="Kind of recipe. quick: few rows, in minutes. balanced: fast and accurate. smallest: smallest file."
        ),
    ] = Size.BALANCED,
) -> None:
    """Check a model and its data together, and write a first recipe for them."""
    from rich.console import Console

    from pocketbert.compress.base.progress import Progress
    from pocketbert.compress.base.quiet import quiet
    from pocketbert.compress.pipeline.init.prepare import Request, prepare

    quiet()
    out = Console()
    asked = Request(name, model, data, size, shlex.join(["pocketbert", *sys.argv[1:]]))
    with failures_logged(ERROR_LOG), Progress() as progress:
        for line in prepare(asked, progress):
            if sys.stdout.isatty():
                out.print(_wrapped(line))
            else:
                echo(f"{line.name:<8}{line.text}")


def _wrapped(line: "Line") -> "Table":
    """Return a line whose text, if it is longer than the terminal is wide, goes on below its beginning."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid()
    grid.add_column(width=8)
    grid.add_column()
    grid.add_row(Text(line.name), Text(line.text))
    return grid
