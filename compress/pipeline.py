"""Runs a recipe: teacher, stages, artifacts, each held against the teacher before the next is made from it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock, Timeout
from tokenizers import Tokenizer

from compress.cache import step_key
from compress.control import linear_answers
from compress.data import longer_texts, tokenize
from compress.dense import with_dense_sizes
from compress.errors import BadInput
from compress.exports import FORMATS
from compress.guard import GuardStopped, compare, describe
from compress.manifest import LinearControl, Manifest, Step
from compress.processes import rank, wait
from compress.progress import Progress
from compress.recipe import Recipe
from compress.runtimes import require
from compress.shipping import ship, write_manifest
from compress.size import count_parameters
from compress.sources import load_teacher, source_key
from compress.sources.checks import check_positions, check_types
from compress.stages import STAGES, Context, StageParameters, stage_module
from compress.tasks.encoding import load_tokenizer
from compress.tasks.tagging import one_piece_per_character
from compress.teacher import Teacher
from compress.weaken import weaken
from compress.workbench import TOKENIZER, Done, Kept, Workbench

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

_SOURCES = [
    *("architectures.py", "bf16.py", "data.py", "frozen.py", "modeling.py", "schedule.py", "size.py"),
    *(
        "token_states.py",
        "training.py",
        "losses/cross_entropy.py",
        "runtimes/torch.py",
        "tasks/encoding.py",
        "vocabulary.py",
    ),
]
"""Our own files that every step depends on."""
STAGE_SOURCES = [
    *(f"{name}.py" for name in ("aligned", "aligner", "alignment", "distillation", "features", "importance")),
    *(f"{name}.py" for name in ("layer_importance", "replay", "selection", "slicing", "students", "surgery")),
    *(f"{name}.py" for name in ("teacher", "teacher_features", "vocabulary", "stages/strength")),
    *(f"losses/{file.name}" for file in sorted((Path(__file__).parent / "losses").glob("*.py"))),
]
"""And those that every stage may use."""


def build(recipe: Recipe, root: Path, command: str, progress: Progress, fresh: bool = False) -> Manifest:
    """Make every artifact of `recipe` below `root` and write `root/manifest.json`.

    Args:
        command: what the user typed, for the record.
        fresh: throw away what earlier builds left.

    Raises:
        BadInput: the recipe asks for something that is not there, such as a runtime, or another build works in `root`.
        GuardStopped: a step cost too much and the recipe says ``on_fail = "stop"``.
    """
    for artifact in recipe.artifacts:
        require(FORMATS[artifact.format].runtime)
    with _alone_in(root):
        if fresh and rank() == 0:
            shutil.rmtree(root)
            root.mkdir()
        wait()
        return _Build(recipe, root, progress).run(command)


def fine_tuned(recipe: Recipe, root: Path, progress: Progress) -> "tuple[PreTrainedModel, Context]":
    """The recipe's fine-tuned teacher, made or as a build left it below `root`, and what a stage may use beside it.

    Raises:
        BadInput: as `build`.
    """
    with _alone_in(root):
        bench = _Build(recipe, root, progress)
        teacher = bench.teacher = bench.make_teacher()
        return teacher.model(), bench.context(root / ".scratch/teacher", teacher.tokens, teacher)


@contextmanager
def _alone_in(root: Path) -> Iterator[None]:
    root.mkdir(parents=True, exist_ok=True)
    if rank():  # the first process holds the folder for all of them
        yield
        return
    try:
        with FileLock(root.parent / f".{root.name}.lock", timeout=0):
            yield
    except Timeout as error:
        raise BadInput(f"{root}: another build is working there") from error


class _Build(Workbench):
    """One run of a recipe; its methods are the steps in order."""

    def __init__(self, recipe: Recipe, root: Path, progress: Progress) -> None:
        super().__init__(recipe, root, progress)
        self.steps: list[Step] = []
        self.visited: set[Path] = set()
        self._sources = [*_SOURCES, "tasks/classification.py", f"tasks/{recipe.task.kind}.py"]

    def run(self, command: str) -> Manifest:
        accepted = self.take(self.make_teacher())
        self.steps.append(accepted.step)
        control, stages = self._control(), []
        for number, parameters in enumerate(self.recipe.stages, start=1):
            done = self._stage(number, parameters, accepted)
            if done.step.decision == "accepted":
                accepted = done
                stages.append(done)
        steps, shipped = ship(self, accepted)
        shipped = with_dense_sizes(self, [self.teacher, *stages], steps, shipped)
        return write_manifest(self, command, [*self.steps, *steps], stages, shipped, control)

    def make_teacher(self) -> Done:
        """The fine-tuned teacher: the reference of everything that follows."""
        table, folder = self.recipe.teacher, self.root / "stages/00-teacher"
        parameters = table.model_dump() | {"model": source_key(table.model), "seed": self.recipe.seed}
        sources = ["stages/finetune.py", "sources/__init__.py", "sources/e5_small.py", *self._sources]
        key = step_key(self.texts.key, parameters, sources)
        step = Step(name="00-teacher", kind="finetune", decision="reference", parameters=table.model_dump(), key=key)

        def work(out: Path, scratch: Path) -> Step:
            from transformers import set_seed

            set_seed(self.recipe.seed)  # the new head is random
            task = self.texts.task
            model, tokenizer = load_teacher(
                table, task.labels, self.root.parent / ".sources", task.token_level, task.max_length
            )
            self._check_stages(model.config, tokenizer.backend_tokenizer)
            if task.token_level and table.epochs:  # fine-tuned already, it goes on reading what it has learnt to read
                one_piece_per_character(tokenizer.backend_tokenizer)
            tokenizer.save_pretrained(out / "tokenizer")
            tokens = tokenize(self.texts, out / TOKENIZER)
            check_types(tokens.train.inputs, model.config, f"teacher.model {table.model!r}")
            context = self.context(scratch, tokens)
            test = task.encode(load_tokenizer(out / TOKENIZER), self.texts.splits["test"])
            read = {"training": tokens.train.inputs, "validation": tokens.validation.inputs, "test": test}
            context.remarks.extend([*self.texts.remarks, *longer_texts(read, task.max_length)])
            if table.epochs:
                finetune = stage_module("finetune")
                chosen = finetune.Parameters(**table.model_dump(include=set(finetune.Parameters.model_fields)))
                model = finetune.run(model, context, chosen)
            return self.record(model, step.model_copy(update={"remarks": context.remarks}), out, tokens)

        done = self.step(folder, step, work, together=True)
        if self.recipe.stages:  # of a teacher out of the cache nobody has asked yet
            teacher = Teacher(folder, done.tokens, done.model, self.progress)
            self._check_stages(teacher.config(), Tokenizer.from_file(str(folder / TOKENIZER)))
        return done

    def _check_stages(self, config: "PretrainedConfig", tokenizer: Tokenizer) -> None:
        """What stages cannot do with such a teacher, or with what one before them leaves, is refused before anything is
        trained.
        """
        task, given, cut_by = self.texts.task, config, tokenizer
        for stage in self.recipe.stages:
            stage.check(given)
            stage.check_tokenizer(cut_by, tokenizer, task.token_level)
            cut_by = stage.leaves_tokenizer(cut_by)
            given = stage.leaves(given, config)
            check_positions(given, task.max_length, f"the model after {stage.kind}")

    def _control(self) -> LinearControl | None:
        """The linear model on the teacher's own rows, beside the teacher; only whole texts have one."""
        if self.texts.task.kind != "classification":
            return None
        splits, train = self.texts.splits, self.teacher.tokens.labelled
        key = step_key(self.texts.key, {}, ["control.py"])
        step = Step(name="linear-control", kind="linear-control", decision="reference", key=key)

        def work(out: Path, _: Path) -> Step:
            others = [splits[split]["text"] for split in ("validation", "test")]
            answers = linear_answers(train.columns["text"], train.gold, *others)
            for split, values in zip(("validation", "test"), answers, strict=True):
                np.save(out / f"{split}.npy", values)
            return step

        done = self.step(self.root / "control", step, work, self.teacher.tokens)
        comparison = compare(
            self.texts.task, self.guard.gold, done.logits, self.teacher.logits, self.guard.rule.confidence
        )
        lead, low, high = (-100 * value for value in (comparison.drop, comparison.high, comparison.low))
        self.progress.say(
            f"linear control: {comparison.reference:.2%} from the same {len(train.gold):,} rows; "
            f"the teacher leads by {lead:.2f} points ({low:.2f} to {high:.2f})"
        )
        return LinearControl(
            comparison=comparison,
            train_rows=len(train.gold),
            seconds=done.step.seconds,
            test_answers="control/test.npy",
        )

    def _stage(self, number: int, parameters: StageParameters, source: Done) -> Done:
        """One ``[[stage]]``, made from the last accepted model and judged; where it costs too much, weakened."""
        kept: Kept = {}
        done = self._attempt(number, parameters, source, kept)
        rule = self.recipe.guard
        if done.step.decision == "rolled-back" and rule.on_fail == "weaken":
            best, tried = weaken(
                done,
                parameters,
                rule.tries,
                self._reached(parameters, source),
                lambda weaker: self._attempt(number, weaker, source, kept),
                lambda cut: self._costliest(cut, source, kept),
            )
            done = self.settle(done, best, tried)
        self._sweep(number)
        self.steps.append(done.step)
        if done.step.decision == "rolled-back" and rule.on_fail == "stop":
            raise GuardStopped(describe(done.step, rule.max_drop))
        return done

    def _reached(self, parameters: StageParameters, source: Done) -> float:
        """The strength at which nothing would happen to `source`."""
        macs = (done.step.measured["encoder_macs_128"] for done in (source, self.teacher))
        return parameters.reached(*macs)

    def _sweep(self, number: int) -> None:
        """Throw away what a stage left at strengths that this build has not tried."""
        for folder in (self.root / "stages").glob(f"{number:02d}-*~*"):
            if folder not in self.visited and rank() == 0:
                shutil.rmtree(folder)

    def _costliest(self, parameters: StageParameters, source: Done, kept: Kept) -> int | None:
        """The layer that a stage costs most in, where the kind of stage can say so."""
        found = getattr(stage_module(parameters.kind), "costliest", None)
        context = self.context(self.root / ".scratch/costliest", source.tokens, source, kept)
        layer: int | None = found(source.model(), context, parameters) if found else None
        return layer

    def _attempt(self, number: int, parameters: StageParameters, source: Done, kept: Kept) -> Done:
        """A stage at one strength, judged. Every strength has a folder and a cache key of its own."""
        name = f"{number:02d}-{parameters.kind}"
        described = parameters.model_dump(exclude={"kind"})
        sources = [f"stages/{STAGES[parameters.kind]}.py", *self._sources, *STAGE_SOURCES]
        outside = parameters.outside()
        made_of = {
            "teacher": self.teacher.step.key,
            "seed": self.recipe.seed,
            "outside": outside and source_key(outside),
        }
        key = step_key(source.step.key, described | made_of, sources)
        step = Step(name=name, kind=parameters.kind, decision="accepted", parameters=described, key=key)

        def work(out: Path, scratch: Path) -> Step:
            from transformers import set_seed

            context = self.context(scratch, source.tokens, source, kept)
            context = replace(context, new_tokenizer=out / "tokenizer")
            model = source.model()
            parameters.check(model.config)
            before = count_parameters(model)
            set_seed(self.recipe.seed)  # dropout, and what a student begins with
            model = stage_module(parameters.kind).run(model, context, parameters)
            if step.kind.startswith("prune-") and count_parameters(model) == before:
                context.remarks.append("nothing was cut: an earlier step has reached the target")
            tokens = source.tokens
            if context.new_tokenizer.is_dir():
                tokens = tokenize(self.texts, out / TOKENIZER)
            else:
                shutil.copytree(source.folder / "tokenizer", context.new_tokenizer)
            return self.record(model, step.model_copy(update={"remarks": context.remarks}), out, tokens)

        weaker = parameters != self.recipe.stages[number - 1]
        folder = self.root / "stages" / (f"{name}~{key[:8]}" if weaker else name)
        self.visited.add(folder)
        return self.judge(self.step(folder, step, work, together=True))
