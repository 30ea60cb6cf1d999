"""Accuracy of distilled students: few labels and much text, all labels, and an ablation of the losses.

`python -m studies.distillation few reviews` (or `few people-daily`): 2,000 training rows keep their labels, the others
lose them. Students are distilled from a teacher trained on those 2,000 rows, and compared on the test split with the
same students trained on the labels alone, three seeds each. `… whole reviews` (or one of the other two): all rows keep
their labels; the student of the recipe (on people-daily with two epochs instead of three) is compared with the teacher
and with the student trained on the labels alone (`--alpha 0.9`: with another weight of the labels). `… ablations`:
2,000 rows, with every loss term left out in turn. `… students offline`: the student of a recipe, the same one with
ReLU instead of GELU, without LayerNorm, or without both, and a static one (without layers). Each run is cached below
`artifacts/study`; the tables are printed.
"""

import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import numpy as np
import typer
from numpy.typing import NDArray

from pocketbert.compress.base.errors import percent
from pocketbert.compress.base.files import atomic_write
from pocketbert.compress.base.own_code import digest_of
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.data.texts import Texts, read_texts
from pocketbert.compress.pipeline.build import fine_tuned
from pocketbert.compress.pipeline.recipe import Recipe, load_recipe
from pocketbert.compress.pipeline.shipping.artifact import Export
from pocketbert.compress.runtimes.torch import TorchSession
from pocketbert.compress.stages import distill, prune_vocab
from pocketbert.compress.tasks import Outcomes, Task
from pocketbert.compress.tasks.inputs import predict
from pocketbert.compress.tasks.tokenizer import load_tokenizer
from pocketbert.compress.training.context import Context, retokenized
from pocketbert.compress.training.distillation.alignment import terms
from pocketbert.compress.training.distillation.student import Student, build
from studies.shared.no_norm import without_norms
from studies.shared.page import in_points, markdown_table

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from pocketbert.compress.training.teacher import Teacher

SEEDS = (1, 2, 3)
LABELLED = 2_000
_FOLDER = Path("artifacts/study/distillation")
_RESAMPLES = 2_000
_FEW: dict[str, dict[str, str]] = {
    "reviews": {"teacher.epochs": "3", "teacher.frozen_layers": "6", "teacher.learning_rate": "2e-4"},
    "people-daily": {"teacher.epochs": "10", "task.limit": "{ train = 12_000, validation = 1_500 }"},
}
"""Overrides of the recipe: a teacher of few labels needs more epochs, and fewer rows save an hour."""
_WHOLE: dict[str, dict[str, str]] = {"people-daily": {"stage.1.epochs": "2"}}
"""Overrides of the recipe: a third epoch of six students takes an hour."""
_LABELS_EPOCHS, _DISTIL_EPOCHS = 8, 2
"""Epochs on 2,000 rows, and on all rows. Labels alone get as many as help; the best epoch on validation is kept."""
_AVERAGED = 256
"""Training texts that a `NoNorm` is made from."""
_STATIC = {"epochs": 10, "learning_rate": 3e-3}
"""Training of a static student, whose steps take a hundredth of the time; each step changes few rows of its matrix."""
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class Run:
    """The results of one model on the test split."""

    value: float
    outcomes: Outcomes
    seconds: float


class Study:
    """A recipe's teacher, and the students trained from it; the results of each are cached by name."""

    def __init__(self, recipe: Recipe, folder: Path, progress: Progress, build: Path | None = None) -> None:
        self.folder, self._progress = folder, progress
        self.model, self.context = fine_tuned(recipe, build or folder / "build", progress)
        self._teacher = self.model, self.context
        teacher: Teacher = cast("Teacher", self.context.teacher)
        self._key, self._batch_size = teacher.key, recipe.teacher.batch_size
        self._trained: dict[str, PreTrainedModel] = {}
        teacher.logits()  # outside of the first student's time
        self._texts: Texts = read_texts(recipe.task)

    @property
    def task(self) -> Task:
        """The task of the recipe."""
        return self.context.task

    def teacher(self) -> Run:
        """Score the teacher."""
        return self._kept(self._name("teacher", {}), lambda: self._teacher)

    def score(self, logits: NDArray[np.float32]) -> float:
        """Return the metric of these logits on the test split."""
        return self.task.scores(logits, self._texts.splits["test"]["label"])[self.task.metric]

    def prune_vocabulary(self, parameters: prune_vocab.Parameters) -> None:
        """Prune the teacher's vocabulary; later students start from that model and read its tokens."""
        tokenizer = self.folder / "tokenizer"
        self._key += parameters.model_dump_json() + digest_of(prune_vocab.__name__)
        self.model = prune_vocab.run(self.model, replace(self.context, new_tokenizer=tokenizer), parameters)
        self.context = replace(retokenized(self.context, tokenizer / "tokenizer.json"), tokenizer=tokenizer)

    def student(
        self, name: str, seed: int, settings: dict[str, Any], export: Export | None = None, norms: bool = True
    ) -> Run:
        """Train a student and score it, or a file of it. Several files in turn are made from one training.

        Args:
            settings: those of a distill stage, by default with 4 of the teacher's layers.
            norms: False: each LayerNorm of the new student is replaced by a `NoNorm` before the training.
        """
        parameters = distill.Parameters.model_validate(
            {
                "student": {"init": "teacher-layers", "layers": 4},
                "batch_size": self._batch_size,
                "learning_rate": 3e-4,
            }
            | settings
        )

        kept = self._name(f"{name}-{seed}", parameters.model_dump(), *parameters.plug_ins())

        def made() -> "tuple[PreTrainedModel, Context]":
            from transformers import set_seed

            context = replace(self.context, seed=seed, scratch=self.folder / "scratch" / kept, memo={})
            if kept not in self._trained:
                set_seed(seed)
                given = (self.model, parameters) if norms else self._without_norms(context, parameters)
                self._trained = {kept: distill.run(given[0], context, given[1])}
            return self._trained[kept], context

        return self._kept(f"{kept}-{export.name}-{export.key(kept, {})[:8]}" if export else kept, made, export)

    def _without_norms(
        self, context: Context, parameters: distill.Parameters
    ) -> "tuple[PreTrainedModel, distill.Parameters]":
        student, _ = build(parameters.student, self.model, self.task.labels, self.task.token_level, context.seed)
        model = without_norms(student, context.train.inputs.first(_AVERAGED))
        return model, parameters.model_copy(update={"student": Student.model_validate({"init": "current"})})

    def _name(self, name: str, settings: dict[str, Any], *plug_ins: str) -> str:
        """Return a file name that changes with the teacher, the settings and our own sources."""
        made_of = json.dumps([self._key, settings, digest_of(distill.__name__, *plug_ins)], sort_keys=True)
        return f"{name}-{hashlib.sha256(made_of.encode()).hexdigest()[:8]}"

    def _kept(
        self, name: str, made: "Callable[[], tuple[PreTrainedModel, Context]]", export: Export | None = None
    ) -> Run:
        """Return the cached run of that name; if there is none, train the model and score it on the test split."""
        file = self.folder / f"{name}.npz"
        if not file.is_file():
            begin = time.monotonic()
            model, context = made()
            seconds = time.monotonic() - begin
            logits = self._test_logits(model, context, name, export)
            outcomes = self.task.outcomes(logits, self._texts.splits["test"]["label"])
            value = self.score(logits)
            with atomic_write(file) as temporary:
                np.savez(temporary, outcomes=outcomes, value=value, seconds=seconds)
            self._progress.say(f"{self.folder.name}: {name}: {self.task.metric} {percent(value, 2)}, {seconds:.0f} s")
        with np.load(file, allow_pickle=False) as kept:
            return Run(float(kept["value"]), kept["outcomes"], float(kept["seconds"]))

    def _test_logits(
        self, model: "PreTrainedModel", context: Context, name: str, export: Export | None
    ) -> NDArray[np.float32]:
        tokenizer = load_tokenizer(context.tokenizer / "tokenizer.json")
        inputs = self.task.encode(tokenizer, self._texts.splits["test"])
        with (
            tempfile.TemporaryDirectory() as folder,
            self._progress.work(f"{name}: running inference on the test rows", len(inputs)) as work,
        ):
            if export is None:
                return predict(TorchSession(model).logits, inputs, progress=work.advance)
            export.write(model, file := Path(folder, export.file))
            return export.predict(file, inputs, work.advance)


@app.command()
def few(dataset: Annotated[Literal["reviews", "people-daily"], typer.Argument()]) -> None:
    """Compare students of few labels and much text with students of the labels alone."""
    quiet()
    recipe = load_recipe(Path(f"recipes/{dataset}.toml"), _FEW[dataset] | {"task.labelled": str(LABELLED)})
    with Progress() as progress:
        study = Study(recipe, _FOLDER / f"few-{dataset}", progress)
        teacher = study.teacher()
        alone, distilled = [], []
        for seed in SEEDS:
            alone.append(study.student("labels-alone", seed, {"alpha": 1.0, "epochs": _LABELS_EPOCHS}))
            distilled.append(study.student("distilled", seed, {"alpha": 0.3, "epochs": _DISTIL_EPOCHS}))
    rows = [
        [f"{LABELLED:,} labels alone", *shown(alone), ""],
        ["distilled, the other rows without labels", *shown(distilled), lead(distilled, alone)],
        [f"their teacher, {LABELLED:,} labels", percent(teacher.value, 2), "", ""],
    ]
    headers = [f"{dataset}: student of 4 layers", f"{study.task.metric}, test", "seconds", "change, pp"]
    print(markdown_table(headers, rows))


@app.command("whole")
def whole_split(
    dataset: Annotated[Literal["reviews", "people-daily", "adjacent-clauses"], typer.Argument()],
    alpha: Annotated[float | None, typer.Option(help="Weight of the labels, if not the recipe's.")] = None,
) -> None:
    """Compare the recipe's student, trained on all rows with labels, with the teacher and with labels alone."""
    quiet()
    recipe = load_recipe(Path(f"recipes/{dataset}.toml"), _WHOLE.get(dataset, {}))
    pruning = next(stage for stage in recipe.stages if isinstance(stage, prune_vocab.Parameters))
    settings = next(stage for stage in recipe.stages if isinstance(stage, distill.Parameters)).model_dump()
    if alpha is not None:
        settings["alpha"] = alpha
    with Progress() as progress:
        study = Study(recipe, _FOLDER / f"whole-{dataset}", progress, build=Path("artifacts") / recipe.name)
        teacher = study.teacher()
        study.prune_vocabulary(pruning)
        alone, distilled = [], []
        for seed in SEEDS:
            distilled.append(study.student("distilled", seed, settings))
            alone.append(study.student("labels-alone", seed, settings | {"alpha": 1.0}))
    rows = [
        ["teacher", percent(teacher.value, 2), "", "", ""],
        ["student, labels alone", *shown(alone), lead(alone, [teacher]), ""],
        ["student, distilled", *shown(distilled), lead(distilled, [teacher]), lead(distilled, alone)],
    ]
    leads = ["change against the teacher, pp", "against labels alone, pp"]
    headers = [f"{dataset}, all rows", f"{study.task.metric}, test", "seconds", *leads]
    print(markdown_table(headers, rows))


@app.command()
def students(
    recipe: Annotated[str, typer.Argument(help="Name of a recipe of texts or pairs, such as offline.")],
    seeds: Annotated[int, typer.Option(help="Number of seeds.")] = len(SEEDS),
) -> None:
    """Compare the recipe's student with the same one with ReLU or without LayerNorm, and with a static one."""
    quiet()
    read = load_recipe(Path(f"recipes/{recipe}.toml"))
    usual = next(stage for stage in read.stages if isinstance(stage, distill.Parameters)).model_dump(exclude_none=True)
    usual.pop("fake_quant", None)  # float models are scored
    with_relu = usual | {"student": usual["student"] | {"activation": "relu"}}
    variants = {
        "student of the recipe": usual,
        "the same with ReLU": with_relu,
        "the same with NoNorm": usual,
        "the same with ReLU and NoNorm": with_relu,
        "static": usual | {"student": {"architecture": "static"}} | _STATIC,
    }
    with Progress() as progress:
        study = Study(read, _FOLDER / f"students-{recipe}", progress, build=Path("artifacts") / recipe)
        teacher = study.teacher()
        study.prune_vocabulary(prune_vocab.Parameters())
        found = {
            name: [
                study.student(name.rpartition(" ")[2].lower(), seed, settings, norms="NoNorm" not in name)
                for seed in SEEDS[:seeds]
            ]
            for name, settings in variants.items()
        }
    first = found["student of the recipe"]
    rows = [["teacher", percent(teacher.value, 2), "", ""]]
    rows += [
        [name, *shown(runs), "" if runs is first else lead(runs, first, paired=True)] for name, runs in found.items()
    ]
    if (control := Path("artifacts", recipe, "control/test.npy")).is_file():  # as `pocketbert build` leaves it
        rows.append(["linear baseline", percent(study.score(np.load(control)), 2), "", ""])
    headers = [recipe, f"{study.task.metric}, test", "seconds", "change against the recipe's student, pp"]
    print(markdown_table(headers, rows))


@app.command()
def ablations() -> None:
    """Leave out every loss term in turn."""
    quiet()
    overrides = _FEW["reviews"] | {"task.limit": f"{{ train = {LABELLED} }}"}
    recipe = load_recipe(Path("recipes/reviews.toml"), overrides)
    with Progress() as progress:
        study = Study(recipe, _FOLDER / "ablations", progress)
        layers = study.model.config.num_hidden_layers
        every = [term.model_dump() for term in terms("tinybert", (), layers, 4)]
        variants: dict[str, dict[str, Any]] = {"everything": {"align": every}}
        for feature in ("embedding", "hidden", "attention"):
            variants[f"no {feature}"] = {"align": [term for term in every if term["feature"] != feature]}
        variants |= {
            "no alignment: labels and logits": {},
            "no logits": {"align": every, "alpha": 1.0},
            "no labels": {"align": every, "alpha": 0.0},
            "labels alone": {"alpha": 1.0},
            "minilm's relations instead": {"preset": "minilm"},
        }
        found = {
            name: [study.student(name, seed, {"alpha": 0.5, "epochs": 3} | settings) for seed in SEEDS]
            for name, settings in variants.items()
        }
    rows = [[name, *shown(runs), lead(runs, found["labels alone"])] for name, runs in found.items()]
    change = "change against labels alone, pp"
    headers = [f"reviews, {LABELLED:,} rows", f"{study.task.metric}, test", "seconds", change]
    print(markdown_table(headers, rows))


def shown(runs: list[Run]) -> list[str]:
    """Return the mean and the single values of the metric, and the mean of the seconds."""
    values = ", ".join(f"{100 * run.value:.1f}" for run in runs)
    return [f"{percent(fmean(run.value for run in runs), 2)} ({values})", f"{fmean(run.seconds for run in runs):.0f}"]


def lead(ours: list[Run], theirs: list[Run], paired: bool = False) -> str:
    """Return the mean difference with its 95 % bootstrap interval over seeds and rows.

    `paired`: a seed's two runs belong together, so that each draw takes both or none.
    """
    draw = np.random.default_rng(0)
    rows = len(ours[0].outcomes)
    found = []
    for _ in range(_RESAMPLES):
        drawn = draw.integers(0, rows, rows)
        seeds = [draw.integers(0, len(runs), len(runs)) for runs in (ours, theirs)]
        if paired:
            seeds[1] = seeds[0]
        means = [
            fmean(_value(runs[seed].outcomes[drawn]) for seed in chosen)
            for runs, chosen in zip((ours, theirs), seeds, strict=True)
        ]
        found.append(means[0] - means[1])
    low, high = np.quantile(found, [0.025, 0.975])
    middle = fmean(run.value for run in ours) - fmean(run.value for run in theirs)
    return in_points(middle, low, high)


def _value(outcomes: Outcomes) -> float:
    """Return the accuracy of boolean outcomes, or the F1 of counts."""
    if outcomes.dtype == np.bool_:
        return float(outcomes.mean())
    hit, claimed, true = outcomes.sum(axis=0, dtype=np.int64).tolist()
    return 2 * hit / (claimed + true) if claimed + true else 0.0


if __name__ == "__main__":
    app()
