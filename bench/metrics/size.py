"""Size: bytes on disk, and deflated as an app bundle carries them."""

import zlib
from pathlib import Path

from bench.results import Size
from compress.manifest import files_of

_LEVEL = 6  # what zip, and so apk and ipa tools, use unless told otherwise
_CHUNK = 1 << 20


def measure_size(path: Path) -> Size:
    """A file or a folder; every file in it is deflated on its own, as a zip archive does."""
    files = [file for _, file in files_of(path)]
    return Size(bytes=sum(file.stat().st_size for file in files), deflated_bytes=sum(map(_deflated, files)))


def _deflated(file: Path) -> int:
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    size = 0
    with file.open("rb") as stream:
        while piece := stream.read(_CHUNK):
            size += len(packer.compress(piece))
    return size + len(packer.flush())
