"""The student of a build of `recipes/offline.toml`, and what its files cost in time and accuracy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.base.errors import percent
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.data.texts import Texts, read_texts
from pocketbert.compress.manifest import Comparison
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.pipeline.steps.step import TOKENIZER
from pocketbert.compress.runtimes import Session, open_session
from pocketbert.compress.tasks.inputs import Inputs, predict
from pocketbert.compress.tasks.tokenizer import load_tokenizer
from studies.shared.page import in_points
from studies.shared.race import race, ratio
from studies.shared.shapes import one_text

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_RECIPE, _STAGE = Path("recipes/offline.toml"), Path("artifacts/offline/stages/03-prune-vocab")
TIMED = ("P50 ms", "time / INT8 (95 % CI)")
SCORED = ("accuracy", "change to FP32, pp (95 % CI)", "same label as FP32")
"""Headers of the cells of `timed` and `Built.scored`."""


class StudentFile(NamedTuple):
    """A file of the student and the runtime that opens it."""

    runtime: str
    path: Path

    @property
    def megabytes(self) -> str:
        """Size on disk, MB."""
        return f"{self.path.stat().st_size / 1e6:.2f}"

    def open(self) -> Session:
        """Open the file with one thread."""
        return open_session(self.runtime, self.path, 1)


@dataclass(frozen=True)
class Built:
    """A stage of a build, and the recipe's texts.

    Attributes:
        tokenizer: the stage's tokenizer file.
        rows: how many test rows are scored; None: all of them.
    """

    model: "PreTrainedModel"
    texts: Texts
    tokenizer: Path
    rows: int | None = None

    @classmethod
    def named(cls, arguments: Sequence[str]) -> Self:
        """Read the stage and the number of rows that a command line names: ``[FOLDER [ROWS]]``."""
        folder = Path(arguments[0]) if arguments else _STAGE
        model = load_classifier(folder / "model").eval()
        rows = int(arguments[1]) if arguments[1:] else None
        return cls(model, read_texts(load_recipe(_RECIPE).task), folder / TOKENIZER, rows)

    def inputs(self, split: str = "test") -> Inputs:
        """Tokenize a split."""
        inputs = self.texts.task.encode(load_tokenizer(self.tokenizer), self.texts.splits[split])
        return inputs if self.rows is None or split != "test" else inputs.first(self.rows)

    def logits(self, sessions: Mapping[str, Session], progress: Progress) -> dict[str, NDArray[np.float32]]:
        """Run inference on the test rows, one text at a time, by each session."""
        inputs, logits = self.inputs(), {}
        for name, session in sessions.items():
            with progress.work(f"scoring: {name}", len(inputs)) as bar:
                logits[name] = predict(session.logits, inputs, 1, bar.advance)
        return logits

    def scored(self, logits: NDArray[np.float32], exact: NDArray[np.float32]) -> list[str]:
        """Return the cells of `SCORED`, for test logits and those of the FP32 file."""
        gold = self.texts.splits["test"]["label"][: self.rows]
        found = Comparison.of(self.texts.task, gold, exact, logits, 0.95)
        same = (logits.argmax(1) == exact.argmax(1)).mean()
        return [percent(found.value, 2), in_points(-found.drop, -found.high, -found.low), percent(same, 2)]

    def timed(self, session: Session, reference: Session, rounds: int, progress: Progress) -> list[str]:
        """Return the cells of `TIMED`, for a file that is timed in turn with the INT8 file, one thread, 128 tokens.

        Of more than two files in turn, the first and the last would find their weights in the cache, because their
        turns follow each other.
        """
        text = one_text(words=self.model.config.vocab_size)
        spent = race({"it": session, "INT8": reference}, text, rounds, 1, progress)
        return [f"{median(spent['it']):.2f}", str(ratio(spent["it"], spent["INT8"]))]
