"""Exported files are scored by one thread: more gain nothing on tiny models, and lose much beside another process."""

from collections.abc import Iterator

import pytest

from pocketbert.compress.pipeline import evaluate
from pocketbert.compress.pipeline.shipping import artifact


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (artifact, evaluate):
            patch.setattr(module, "usable_threads", lambda: 1)
        yield
