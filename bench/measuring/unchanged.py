"""Files that must not change while they are measured: no figure of one file may be kept under another file's digest."""

from pathlib import Path

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import as_typed, digest, files_of

_Identity = list[tuple[str, int, int, int]]


class Unchanged:
    """The files that a run reads, each added before it is read; `check` compares them with the disk.

    The SHA-256 alone would not notice a file that is replaced and restored in between, so the identity of each file
    (inode, time of change, size) is compared as well.
    """

    def __init__(self) -> None:
        self._known: dict[Path, tuple[_Identity, str]] = {}

    def add(self, path: Path, sha256: str | None = None) -> str:
        """Add a file or folder; return its SHA-256, which is `sha256` where the manifest promises one."""
        if path not in self._known:
            identity = _identity(path)
            self._known[path] = identity, sha256 or digest(path)
        return self._known[path][1]

    def check(self, *paths: Path) -> None:
        """Compare these files, or else all files, with the disk.

        Raises:
            BadInput: a file changed or is gone.
        """
        for path in paths or self._known:
            identity, sha256 = self._known[path]
            try:
                same = _identity(path) == identity and digest(path) == sha256
            except (OSError, BadInput):  # gone, or no file any more
                same = False
            if not same:
                raise BadInput(
                    f"{as_typed(path)}: changed while it was measured, so no figure of this run is kept; "
                    "run the gate again when no build is working in that folder"
                )


def _identity(path: Path) -> _Identity:
    found = [(name, file.stat()) for name, file in files_of(path)]
    return [(name, stat.st_ino, stat.st_mtime_ns, stat.st_size) for name, stat in found]
