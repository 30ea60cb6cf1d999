"""Runs a recipe: teacher, stages, artifacts. Each step is looked up in the cache, made, judged and recorded."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

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
from compress.processes import rank, wait
from compress.progress import Progress
from compress.recipe import ArtifactTable, Recipe
from compress.size import count_macs, count_parameters, encoder_macs
from compress.sources import load_teacher, source_key
from compress.stages import STAGES, Context, StageParameters, stage_module
from compress.tasks.encoding import predict
from compress.tasks.tagging import one_piece_per_character
from compress.teacher import Teacher
from compress.weaken import weaken

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Role = Literal["reference", "stage", "ship"]
Work = Callable[[Path, Path], Step]
Kept = dict[tuple[str, str], Any]
_SOURCES = [
    *("architectures.py", "data.py", "frozen.py", "modeling.py", "schedule.py", "size.py", "token_states.py"),
    *("training.py", "losses/cross_entropy.py", "runtimes/torch.py", "tasks/encoding.py"),
]
"""Our own files that every step depends on."""
_STAGE_SOURCES = [
    *(f"{name}.py" for name in ("aligned", "aligner", "alignment", "distillation", "features", "importance")),
    *(f"{name}.py" for name in ("layer_importance", "replay", "selection", "slicing", "students", "surgery")),
    *(f"{name}.py" for name in ("teacher", "teacher_features", "vocabulary", "stages/strength")),
    *(f"losses/{file.name}" for file in sorted((Path(__file__).parent / "losses").glob("*.py"))),
]
"""And those that every stage may use."""
_REFERENCE = "teacher-fp32.torch"
_TOKENIZER = "tokenizer/tokenizer.json"  # in the folder of every stage
_SHIPPED_TOKENIZER = "ship/tokenizer.json"


def build(recipe: Recipe, root: Path, command: str, progress: Progress, fresh: bool = False) -> Manifest:
    """Make every artifact of `recipe` below `root` and write `root/manifest.json`.

    Args:
        command: what the user typed, for the record.
        fresh: throw away what earlier builds left.

    Raises:
        BadInput: the recipe asks for something that is not there, or another build works in `root`.
        GuardStopped: a step cost too much and the recipe says ``on_fail = "stop"``.
    """
    with _alone_in(root):
        if fresh:
            shutil.rmtree(root)
            root.mkdir()
        return _Build(recipe, root, command, progress).run()


def fine_tuned(recipe: Recipe, root: Path, progress: Progress) -> "tuple[PreTrainedModel, Context]":
    """The recipe's fine-tuned teacher, made or as a build left it below `root`, and what a stage may use beside it.

    Raises:
        BadInput: as `build`.
    """
    with _alone_in(root):
        work = _Build(recipe, root, "", progress)
        work.teacher = work.make_teacher()
        return work.teacher.model(), work.context(root / ".scratch/teacher", work.teacher.tokens, work.teacher)


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


@dataclass
class _Done:
    """A step that stands: where it lies, the rows as its tokenizer cuts them, and what it said to the validation
    rows.
    """

    step: Step
    folder: Path
    tokens: Tokens

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
        self.visited: set[Path] = set()
        self._sources = [*_SOURCES, f"tasks/{recipe.task.kind}.py"]

    def run(self) -> Manifest:
        self.teacher = self.make_teacher()
        gold = self.teacher.tokens.validation.gold
        self.guard = Guard(self.recipe.guard, self.texts.task, gold, self.teacher.logits)
        self.teacher = self._judge(self.teacher)
        self.steps.append(self.teacher.step)
        control = self._control()
        accepted, stages = self.teacher, []
        for number, parameters in enumerate(self.recipe.stages, start=1):
            done = self._stage(number, parameters, accepted)
            if self.steps[-1].decision == "accepted":
                accepted = done
                stages.append(done)
        tokenizer = self.root / _SHIPPED_TOKENIZER
        if rank() == 0:
            with whole(tokenizer) as temporary:
                shutil.copyfile(accepted.folder / _TOKENIZER, temporary)
        shipped = [self._artifact(table, accepted) for table in self.recipe.artifacts]
        return self._write_manifest(stages, [artifact for artifact in shipped if artifact], control)

    def make_teacher(self) -> _Done:
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
            for stage in self.recipe.stages:  # asked before anything is trained
                stage.check(model.config)
                stage.check_tokenizer(tokenizer.backend_tokenizer, task.token_level)
            if task.token_level:
                one_piece_per_character(tokenizer.backend_tokenizer)
            tokenizer.save_pretrained(out / "tokenizer")
            tokens = tokenize(self.texts, out / _TOKENIZER)
            context = self.context(scratch, tokens)
            context.remarks.extend([*self.texts.remarks, *_cut(tokens, task.max_length)])
            if table.epochs:
                finetune = stage_module("finetune")
                chosen = finetune.Parameters(**table.model_dump(include=set(finetune.Parameters.model_fields)))
                model = finetune.run(model, context, chosen)
            return self._record(model, step.model_copy(update={"remarks": context.remarks}), out, tokens)

        return self._step(folder, step, work, together=True)

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

        done = self._step(self.root / "control", step, work, self.teacher.tokens)
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

    def _stage(self, number: int, parameters: StageParameters, source: _Done) -> _Done:
        """One ``[[stage]]``, made from the last accepted model and judged; where it costs too much, weakened."""
        kept: Kept = {}
        done = self._attempt(number, parameters, source, kept)
        rule = self.recipe.guard
        if done.step.decision == "rolled-back" and rule.on_fail == "weaken":
            first = done
            done, tried = weaken(
                done,
                parameters,
                rule.tries,
                self._reached(parameters, source),
                lambda weaker: self._attempt(number, weaker, source, kept),
                lambda cut: self._costliest(cut, source, kept),
            )
            done = self._keep(replace(done, step=done.step.model_copy(update={"tries": tried})))
            if done.folder != first.folder:
                notes = [f"{done.folder.name} is what became of it"]
                _write(first.folder, first.step.model_copy(update={"tries": tried, "notes": notes}))
        self._sweep(number)
        self.steps.append(done.step)
        if done.step.decision == "rolled-back" and rule.on_fail == "stop":
            raise GuardStopped(describe(done.step, rule.max_drop))
        return done

    def _reached(self, parameters: StageParameters, source: _Done) -> float:
        """The strength at which nothing would happen to `source`."""
        macs = (done.step.measured["encoder_macs_128"] for done in (source, self.teacher))
        return parameters.reached(*macs)

    def _sweep(self, number: int) -> None:
        """Throw away what a stage left at strengths that this build has not tried."""
        for folder in (self.root / "stages").glob(f"{number:02d}-*~*"):
            if folder not in self.visited and rank() == 0:
                shutil.rmtree(folder)

    def _costliest(self, parameters: StageParameters, source: _Done, kept: Kept) -> int | None:
        """The layer that a stage costs most in, where the kind of stage can say so."""
        found = getattr(stage_module(parameters.kind), "costliest", None)
        context = self.context(self.root / ".scratch/costliest", source.tokens, source, kept)
        layer: int | None = found(source.model(), context, parameters) if found else None
        return layer

    def _attempt(self, number: int, parameters: StageParameters, source: _Done, kept: Kept) -> _Done:
        """A stage at one strength, judged. Every strength has a folder and a cache key of its own."""
        name = f"{number:02d}-{parameters.kind}"
        described = parameters.model_dump(exclude={"kind"})
        sources = [f"stages/{STAGES[parameters.kind]}.py", *self._sources, *_STAGE_SOURCES]
        key = step_key(
            source.step.key, described | {"teacher": self.teacher.step.key, "seed": self.recipe.seed}, sources
        )
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
                tokens = tokenize(self.texts, out / _TOKENIZER)
            else:
                shutil.copytree(source.folder / "tokenizer", context.new_tokenizer)
            return self._record(model, step.model_copy(update={"remarks": context.remarks}), out, tokens)

        weaker = parameters != self.recipe.stages[number - 1]
        folder = self.root / "stages" / (f"{name}~{key[:8]}" if weaker else name)
        self.visited.add(folder)
        return self._judge(self._step(folder, step, work, together=True))

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
            inputs = source.tokens.validation.inputs
            names = ("input_ids", "attention_mask", *(["token_type_ids"] if inputs.types else []))
            module.export(source.model(), out / file, table.precision, names)
            with self.progress.work(f"verifying {file}", len(inputs)) as bar:
                logits, parity = verify(runtime, out / file, table.precision, source.logits, source.tokens, bar.advance)
            np.save(out / "validation.npy", logits)
            return step.model_copy(update={"parity": parity})

        done = self._step(self.root / "ship" / name, step, work, source.tokens)
        reason = complaint(done.step.parity, table.precision) if done.step.parity else None
        judged = self._judge(done, f"{file}: {reason}" if reason else None).step
        self.steps.append(judged)
        if judged.decision != "accepted":
            if self.recipe.guard.on_fail == "stop":
                raise GuardStopped(describe(judged, self.recipe.guard.max_drop))
            return None
        return self._describe(
            f"ship/{name}/{file}",
            f"student-{table.precision}.{table.format}",
            "ship",
            _SHIPPED_TOKENIZER,
            source,
            judged,
        )

    def _step(
        self, folder: Path, step: Step, work: Work, tokens: Tokens | None = None, together: bool = False
    ) -> _Done:
        """The step as an earlier build left it, or made now; its rows are `tokens`, or cut by its own tokenizer.

        `together`: it may train, which all processes of a build do.
        """
        wait()
        found = cached(folder, step.key)
        wait()  # or one process would replace what another still has to look at
        if found is None:
            # From here on the manifest of an earlier build speaks of files that are being replaced.
            (self.root / "manifest.json").unlink(missing_ok=True)
            self.progress.say(f"{step.name}: building")
            started = time.monotonic()

            def timed(out: Path, scratch: Path) -> Step:
                return work(out, scratch).model_copy(update={"seconds": round(time.monotonic() - started, 1)})

            found = make(folder, step, self.root / ".scratch", timed, together)
            for remark in found.remarks:
                self.progress.say(f"  {remark}")
        # What was decided then does not bind today's rule; what was measured then stands.
        found = found.model_copy(update={"decision": step.decision, "notes": [], "tries": []})
        return _Done(found, folder, tokens or tokenize(self.texts, folder / _TOKENIZER))

    def _record(self, model: "PreTrainedModel", step: Step, out: Path, tokens: Tokens) -> Step:
        """Save what a step made, and its logits on the validation rows."""
        from compress.runtimes.torch import TorchSession

        model.save_pretrained(out / "model")
        validation = tokens.validation.inputs
        with self.progress.work(f"{step.name}: evaluating", len(validation)) as bar:
            logits = predict(TorchSession(model).logits, validation, tokens.padding, progress=bar.advance)
        np.save(out / "validation.npy", logits)
        size = {
            "parameters_left": count_parameters(model),
            "macs_128": count_macs(model),
            "encoder_macs_128": encoder_macs(model.config),
        }
        return step.model_copy(update={"measured": size})

    def _judge(self, done: _Done, reason: str | None = None) -> _Done:
        """Record and say what the guard decides."""
        return self._keep(replace(done, step=self.guard.judge(done.step, done.logits, reason)))

    def _keep(self, done: _Done) -> _Done:
        _write(done.folder, done.step)
        self.progress.say(describe(done.step, self.recipe.guard.max_drop))
        return done

    def context(self, scratch: Path, tokens: Tokens, source: _Done | None = None, kept: Kept | None = None) -> Context:
        """What a stage may use; `source` is what it is given, None for the teacher's own training."""
        context = Context(
            task=self.texts.task,
            train=tokens.train,
            labelled=tokens.labelled,
            validation=tokens.validation,
            padding=tokens.padding,
            kept={} if kept is None else kept,
            seed=self.recipe.seed,
            scratch=scratch,
            progress=self.progress,
        )
        if source is None:
            return context
        return replace(
            context,
            teacher=Teacher(self.teacher.folder, self.teacher.tokens, self.teacher.model, self.progress),
            teacher_macs=self.teacher.step.measured["encoder_macs_128"],
            tokenizer=source.folder / "tokenizer",
        )

    def _describe(self, path: str, artifact_id: str, role: Role, tokenizer: str, source: _Done, step: Step) -> Artifact:
        """The manifest's entry for what lies at `path` below the root."""
        target = self.root / path
        return Artifact(
            id=artifact_id,
            role=role,
            runtime=FORMATS[step.parameters.get("format", "torch")],
            path=path,
            tokenizer=tokenizer,
            precision=step.parameters.get("precision", "fp32"),
            sha256=digest(target),
            bytes=sum(file.stat().st_size for _, file in files_of(target)),
            parameters=source.step.measured["parameters_left"],
            macs=source.step.measured["macs_128"],
            made_from=source.step.name,
            parity=step.parity,
        )

    def _write_manifest(self, stages: list[_Done], shipped: list[Artifact], control: LinearControl | None) -> Manifest:
        if rank() == 0:
            write_test(self.texts, self.root / "data/test.parquet")
        wait()
        task = self.texts.task
        models = []
        for done in [self.teacher, *stages]:
            folder = f"stages/{done.folder.name}"
            role: Role = "reference" if done is self.teacher else "stage"
            name = _REFERENCE if role == "reference" else f"{done.step.name}.torch"
            models.append(self._describe(f"{folder}/model", name, role, f"{folder}/{_TOKENIZER}", done, done.step))
        tokenizers = {artifact.tokenizer for artifact in [*models, *shipped]}
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
                for name in (*sorted(tokenizers), "data/test.parquet", *([control.test_answers] if control else []))
            },
        )
        if rank() == 0:
            write_json(self.root / "manifest.json", manifest)
            shutil.rmtree(self.root / ".scratch", ignore_errors=True)
        return manifest


def _write(folder: Path, step: Step) -> None:
    if rank() == 0:
        write_json(folder / "stage.json", step)


def _cut(tokens: Tokens, max_length: int) -> Iterator[str]:
    """What became of texts that are longer than the model reads."""
    for split, rows in (("training", tokens.train), ("validation", tokens.validation)):
        if rows.inputs.cut:
            yield f"{rows.inputs.cut:,} of {len(rows.gold):,} {split} texts were cut at {max_length} tokens"
        if (windows := len(rows.inputs) - len(rows.gold)) > 0:
            yield f"longer {split} texts ({max_length} tokens) are read in overlapping windows: {windows:,} inputs more"
