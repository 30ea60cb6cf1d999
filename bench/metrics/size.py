"""Size: bytes on disk, and deflated as an app bundle carries them."""

from pathlib import Path

from bench.results import Size
from compress.files import deflated_bytes
from compress.manifest import files_of


def measure_size(path: Path) -> Size:
    """A file or a folder; every file in it is deflated on its own, as a zip archive does."""
    files = [file for _, file in files_of(path)]
    return Size(bytes=sum(file.stat().st_size for file in files), deflated_bytes=sum(map(deflated_bytes, files)))
