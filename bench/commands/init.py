"""``pocketbert init``: the first recipe for a model and its data."""

import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from pocketbert.compress.base.commands import echo
from pocketbert.compress.base.failures import ERROR_LOG, failures_logged
from pocketbert.compress.pipeline.init.template import Size

if TYPE_CHECKING:
    from pocketbert.compress.pipeline.init.prepare import Line

_INDENT = 8  # columns of a line's name


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
            help="Kind of recipe. quick: few examples, minutes. balanced: fast and accurate. smallest: smallest file."
        ),
    ] = Size.BALANCED,
) -> None:
    """Check a model and its data together, and write a first recipe for them."""
    from pocketbert.compress.base.progress import Progress
    from pocketbert.compress.base.quiet import quiet
    from pocketbert.compress.pipeline.init.prepare import Request, prepare

    quiet()
    asked = Request(name, model, data, size, shlex.join(["pocketbert", *sys.argv[1:]]))
    with failures_logged(ERROR_LOG), Progress() as progress:
        for line in prepare(asked, progress):
            echo(_wrapped(line) if sys.stdout.isatty() else f"{line.name:<{_INDENT}}{line.text}")


def _wrapped(line: "Line") -> str:
    """Return a line whose text, if it is longer than the terminal is wide, goes on below its beginning."""
    from rich.console import Console
    from rich.text import Text

    console = Console()
    parts = Text(line.text).wrap(console, max(console.width - _INDENT, _INDENT))
    names = [line.name, *[""] * (len(parts) - 1)]
    return "\n".join(f"{name:<{_INDENT}}{part.plain.rstrip()}" for name, part in zip(names, parts, strict=True))
