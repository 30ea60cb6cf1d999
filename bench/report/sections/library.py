"""The runtime library that an app carries besides the model."""

from pocketbert.bench.records.results import Results
from pocketbert.bench.report.format.choose import by_role
from pocketbert.bench.report.format.markdown import code
from pocketbert.bench.report.format.numbers import file_size

_RUNTIME = "onnxruntime"
_FULL, _FULL_ZIPPED = 27_000_000, 9_900_000
_REDUCED, _REDUCED_ZIPPED = 11_000_000, 4_200_000
"""Bytes of ``libonnxruntime.so`` (arm64-v8a) in Maven's onnxruntime-android 1.25 and in a build with the operators of
one transformer, as the project cantoo-scribe/capacitor-onnx states them (its docs/reduced-onnx.md).
"""


def note(results: Results) -> str:
    """Return what the shipped files of ONNX Runtime take together with its library; empty if there are none."""
    shipped = [a for a in by_role(results) if a.role == "ship" and a.runtime == _RUNTIME and a.size]
    if not shipped:
        return ""
    together = ", ".join(f"{code(a.id)} {file_size(a.size.bytes + _FULL)}" for a in shipped if a.size)
    return (
        f"An app carries ONNX Runtime as well. Its full library for Android has about {file_size(_FULL)}, zipped "
        f"{file_size(_FULL_ZIPPED)} (onnxruntime-android 1.25, arm64-v8a; the package for iOS is linked statically and "
        f"has no size of its own); a reduced build with the operators of one transformer has about "
        f"{file_size(_REDUCED)}, zipped {file_size(_REDUCED_ZIPPED)}. With the full library: {together}."
    )
