"""Runs a recipe: teacher, stages, artifacts. Each step is looked up in the cache, made, judged and recorded."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from compress.cache import cached, make, step_key
from compress.control import linear_answers
from compress.data import Texts, Tokens, read_texts, tokenize, write_test
from compress.errors import BadInput
from compress.exports import FORMATS, file_name
from compress.exports.verify import complaint, verify
from compress.files import whole, write_json
from compress.guard import Guard, GuardStopped, compare, describe
from compress.manifest import Artifact, LinearControl, Manifest, Step, TaskSpec, digest, files_of
from compress.progress import Progress
from compress.recipe import ArtifactTable, Recipe
from compress.size import count_macs, count_parameters
from compress.sources import load_teacher, source_key
from compress.stages import STAGES, Context, StageParameters, stage_module
from compress.tasks.encoding import predict

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Role = Literal["reference", "stage", "ship"]
Work = Callable[[Path, Path], Step]
_SHARED_SOURCES = [
    *("data.py", "frozen.py", "importance.py", "losses.py", "modeling.py", "size.py", "training.py"),
    *("runtimes/torch.py", "tasks/encoding.py"),
]
_REFERENCE = "teacher-fp32.torch"


def build(recipe: Recipe, root: Path, command: str, progress: Progress, fresh: bool = False) -> Manifest:
    """Make every artifact of `recipe` below `root` and write `root/manifest.json`.

    Args:
        command: what the user typed, for the record.
        fresh: throw away what earlier builds left.

    Raises:
        BadInput: the recipe asks for something that is not there, or another build works in `root`.
        GuardStopped: a step cost too much and the recipe says ``on_fail = "stop"``.
    """
    root.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(root.parent / f".{root.name}.lock", timeout=0):
            if fresh:
                shutil.rmtree(root)
                root.mkdir()
            return _Build(recipe, root, command, progress).run()
    except Timeout as error:
        raise BadInput(f"{root}: another build is working there") from error


@dataclass
class _Done:
    """A step that stands: where it lies and what it said on the validation rows."""

    step: Step
    folder: Path

    @property
    def logits(self) -> NDArray[np.float32]:
        values: NDArray[np.float32] = np.load(self.folder / "validation.npy", allow_pickle=False)
        return values

    def model(self) -> "PreTrainedModel":
        from compress.modeling import load_classifier

        return load_classifier(self.folder / "model")


class _Build:
    """One run of a recipe; its methods are the steps in order."""

    def __init__(self, recipe: Recipe, root: Path, command: str, progress: Progress) -> None:
        self.recipe, self.root, self.command, self.progress = recipe, root, command, progress
        self.texts: Texts = read_texts(recipe)
        self.steps: list[Step] = []

    def run(self) -> Manifest:
        self.teacher = self._teacher()
        self.tokens: Tokens = tokenize(self.texts, self.root / "ship/tokenizer.json")
        self.guard = Guard(self.recipe.guard, self.texts.task, self.tokens.validation.labels, self.teacher.logits)
        self._judge(self.teacher)
        control = self._control()
        accepted, stages = self.teacher, []
        for number, parameters in enumerate(self.recipe.stages, start=1):
            done = self._stage(number, parameters, accepted)
            if self.steps[-1].decision == "accepted":
                accepted = done
                stages.append(done)
        shipped = [self._artifact(table, accepted) for table in self.recipe.artifacts]
        return self._write_manifest(stages, [artifact for artifact in shipped if artifact], control)

    def _teacher(self) -> _Done:
        """The fine-tuned teacher: the reference of everything that follows."""
        table, folder = self.recipe.teacher, self.root / "stages/00-teacher"
        parameters = table.model_dump() | {"model": source_key(table.model), "seed": self.recipe.seed}
        sources = ["stages/finetune.py", "sources/__init__.py", "sources/e5_small.py", *_SHARED_SOURCES]
        key = step_key(self.texts.key, parameters, sources)
        step = Step(name="00-teacher", kind="finetune", decision="reference", parameters=table.model_dump(), key=key)

        def work(out: Path, scratch: Path) -> Step:
            from transformers import set_seed

            labels = self.texts.task.labels
            set_seed(self.recipe.seed)  # the new head is random
            model, tokenizer = load_teacher(table, labels, self.root.parent / ".sources")
            for stage in self.recipe.stages:
                stage.check(model.config)
            tokenizer.save_pretrained(out / "tokenizer")
            self.tokens = tokenize(self.texts, out / "tokenizer/tokenizer.json")
            if table.epochs:
                finetune = stage_module("finetune")
                chosen = finetune.Parameters(**table.model_dump(include=set(finetune.Parameters.model_fields)))
                model = finetune.run(model, self._context(scratch), chosen)
            return self._record(model, step, out)

        done = self._step(folder, step, work)
        tokenizer = self.root / "ship/tokenizer.json"
        with whole(tokenizer) as temporary:
            shutil.copyfile(folder / "tokenizer/tokenizer.json", temporary)
        return done

    def _control(self) -> LinearControl:
        """The linear model on the teacher's own rows, beside the teacher."""
        splits = self.texts.splits
        key = step_key(self.texts.key, {}, ["control.py"])
        step = Step(name="linear-control", kind="linear-control", decision="reference", key=key)

        def work(out: Path, _: Path) -> Step:
            texts = {split: list(table["text"]) for split, table in splits.items()}
            answers = linear_answers(texts["train"], self.tokens.train.labels, texts["validation"], texts["test"])
            for split, values in zip(("validation", "test"), answers, strict=True):
                np.save(out / f"{split}.npy", values)
            return step

        done = self._step(self.root / "control", step, work)
        comparison = compare(
            self.texts.task, self.tokens.validation.labels, done.logits, self.teacher.logits, self.guard.rule.confidence
        )
        lead, low, high = (-100 * value for value in (comparison.drop, comparison.high, comparison.low))
        self.progress.say(
            f"linear control: {comparison.reference:.2%} from the same {len(self.tokens.train.labels)} rows; "
            f"the teacher leads by {lead:.2f} points ({low:.2f} to {high:.2f})"
        )
        return LinearControl(
            comparison=comparison,
            train_rows=len(self.tokens.train.labels),
            seconds=done.step.seconds,
            test_answers="control/test.npy",
        )

    def _stage(self, number: int, parameters: StageParameters, source: _Done) -> _Done:
        """One ``[[stage]]``, made from the last accepted model and judged."""
        name = f"{number:02d}-{parameters.kind}"
        described = parameters.model_dump(exclude={"kind"})
        sources = [f"stages/{STAGES[parameters.kind]}.py", *_SHARED_SOURCES]
        key = step_key(
            source.step.key, described | {"teacher": self.teacher.step.key, "seed": self.recipe.seed}, sources
        )
        step = Step(name=name, kind=parameters.kind, decision="accepted", parameters=described, key=key)

        def work(out: Path, scratch: Path) -> Step:
            model = stage_module(parameters.kind).run(source.model(), self._context(scratch), parameters)
            return self._record(model, step, out)

        return self._judge(self._step(self.root / "stages" / name, step, work))

    def _artifact(self, table: ArtifactTable, source: _Done) -> Artifact | None:
        """One ``[[artifact]]``: exported, verified against its PyTorch source, judged; None when it is rejected."""
        name = f"{table.format}-{table.precision}"
        module = import_module(f"compress.exports.{table.format}")
        runtime, file = FORMATS[table.format], file_name(table.format, table.precision)
        sources = [f"exports/{table.format}.py", "exports/plain.py", "exports/verify.py", f"runtimes/{runtime}.py"]
        sources += ["modeling.py", "tasks/encoding.py"]
        key = step_key(source.step.key, table.model_dump(), sources)
        step = Step(name=name, kind="artifact", decision="accepted", parameters=table.model_dump(), key=key)

        def work(out: Path, _: Path) -> Step:
            module.export(source.model(), out / file, table.precision)
            with self.progress.work(f"verifying {file}", len(self.tokens.validation.sequences)) as bar:
                logits, parity = verify(runtime, out / file, table.precision, source.logits, self.tokens, bar.advance)
            np.save(out / "validation.npy", logits)
            return step.model_copy(update={"parity": parity})

        done = self._step(self.root / "ship" / name, step, work)
        reason = complaint(done.step.parity, table.precision) if done.step.parity else None
        judged = self._judge(done, f"{file}: {reason}" if reason else None).step
        if judged.decision != "accepted":
            return None
        return self._describe(
            f"ship/{name}/{file}", f"student-{table.precision}.{table.format}", "ship", source, judged
        )

    def _step(self, folder: Path, step: Step, work: Work) -> _Done:
        """The step as an earlier build left it, or made now."""
        found = cached(folder, step.key)
        if found is None:
            # From here on the manifest of an earlier build speaks of files that are being replaced.
            (self.root / "manifest.json").unlink(missing_ok=True)
            self.progress.say(f"{step.name}: building")
            started = time.monotonic()

            def timed(out: Path, scratch: Path) -> Step:
                return work(out, scratch).model_copy(update={"seconds": round(time.monotonic() - started, 1)})

            found = make(folder, step, self.root / ".scratch", timed)
        # What was decided then does not bind today's rule; what was measured then stands.
        return _Done(found.model_copy(update={"decision": step.decision, "notes": []}), folder)

    def _record(self, model: "PreTrainedModel", step: Step, out: Path) -> Step:
        """Save what a step made, and its logits on the validation rows."""
        from compress.runtimes.torch import TorchSession

        model.save_pretrained(out / "model")
        validation = self.tokens.validation.sequences
        with self.progress.work(f"{step.name}: evaluating", len(validation)) as bar:
            logits = predict(TorchSession(model).logits, validation, self.tokens.padding, progress=bar.advance)
        np.save(out / "validation.npy", logits)
        size = {"parameters_left": count_parameters(model), "macs_128": count_macs(model, 128)}
        return step.model_copy(update={"measured": size})

    def _judge(self, done: _Done, reason: str | None = None) -> _Done:
        """Record what the guard decides; raises `GuardStopped` where the recipe says so."""
        judged = self.guard.judge(done.step, done.logits, reason)
        write_json(done.folder / "stage.json", judged)
        self.steps.append(self._say(judged))
        if judged.decision == "rolled-back" and self.recipe.guard.on_fail == "stop":
            raise GuardStopped(describe(judged, self.recipe.guard.max_drop))
        return _Done(judged, done.folder)

    def _say(self, step: Step) -> Step:
        self.progress.say(describe(step, self.recipe.guard.max_drop))
        return step

    def _context(self, scratch: Path) -> Context:
        return Context(
            task=self.texts.task,
            train=self.tokens.train,
            validation=self.tokens.validation,
            padding=self.tokens.padding,
            seed=self.recipe.seed,
            scratch=scratch,
            progress=self.progress,
            teacher_logits=self._teacher_logits,
        )

    def _teacher_logits(self) -> NDArray[np.float32]:
        """The teacher's logits on the training rows: computed once, kept with the teacher."""
        from compress.runtimes.torch import TorchSession

        file = self.teacher.folder / "train.npy"
        if not file.is_file():
            rows = self.tokens.train.sequences
            with self.progress.work("the teacher answers the training rows", len(rows)) as bar:
                session = TorchSession(self.teacher.model())
                logits = predict(session.logits, rows, self.tokens.padding, progress=bar.advance)
            with whole(file) as temporary:
                np.save(temporary, logits)
        values: NDArray[np.float32] = np.load(file, allow_pickle=False)
        return values

    def _describe(self, path: str, artifact_id: str, role: Role, source: _Done, step: Step) -> Artifact:
        """The manifest's entry for what lies at `path` below the root."""
        target = self.root / path
        return Artifact(
            id=artifact_id,
            role=role,
            runtime=FORMATS[step.parameters.get("format", "torch")],
            path=path,
            tokenizer="ship/tokenizer.json",
            precision=step.parameters.get("precision", "fp32"),
            sha256=digest(target),
            bytes=sum(file.stat().st_size for _, file in files_of(target)),
            parameters=source.step.measured["parameters_left"],
            macs=source.step.measured["macs_128"],
            made_from=source.step.name,
            parity=step.parity,
        )

    def _write_manifest(self, stages: list[_Done], shipped: list[Artifact], control: LinearControl) -> Manifest:
        write_test(self.texts, self.root / "data/test.parquet")
        task = self.texts.task
        models = [self._describe("stages/00-teacher/model", _REFERENCE, "reference", self.teacher, self.teacher.step)]
        for done in stages:
            path = f"stages/{done.step.name}/model"
            models.append(self._describe(path, f"{done.step.name}.torch", "stage", done, done.step))
        manifest = Manifest(
            schema=1,
            recipe=self.recipe.name,
            task=TaskSpec(kind=task.kind, labels=task.labels, max_length=task.max_length, test="data/test.parquet"),
            reference=_REFERENCE,
            artifacts=[*models, *shipped],
            max_drop=self.recipe.guard.max_drop,
            confidence=self.recipe.guard.confidence,
            command=self.command,
            steps=self.steps,
            linear_control=control,
            files={
                name: digest(self.root / name)
                for name in ("ship/tokenizer.json", "data/test.parquet", control.test_answers)
            },
        )
        write_json(self.root / "manifest.json", manifest)
        shutil.rmtree(self.root / ".scratch", ignore_errors=True)
        return manifest
