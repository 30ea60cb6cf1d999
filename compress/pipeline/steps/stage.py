"""One ``[[stage]]``: made from the last accepted model, and retried at lower strengths if the guard rejects it."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocketbert.compress.base.errors import percent
from pocketbert.compress.manifest import Step
from pocketbert.compress.models.pretrained import source_key
from pocketbert.compress.models.sizes import count_parameters, encoder_macs
from pocketbert.compress.pipeline.cache import SCRATCH, step_key
from pocketbert.compress.pipeline.retry import weaken
from pocketbert.compress.pipeline.steps.step import RECORDED_BY, Build, FinishedStep
from pocketbert.compress.stages import StageParameters, stage_module
from pocketbert.compress.training.context import Context

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_ROUNDING = 1e-6
"""Of a share of MACs."""


def run_stage(build: Build, number: int, parameters: StageParameters, source: FinishedStep) -> FinishedStep:
    """Run stage `number` of the recipe (from 1) on `source`.

    Returns:
        The accepted step, or the rejected one at full strength if no strength was accepted.

    Raises:
        GuardStopped: the step was rejected and the recipe says ``on_fail = "stop"``.
    """
    stage, rule = _Stage(build, number, source), build.recipe.guard
    done = stage.attempt(parameters)
    if not done.accepted and rule.on_fail == "weaken":
        macs = (done.step.measured["encoder_macs_128"] for done in (source, build.teacher))
        reached = parameters.strength_reached(*macs)
        done = build.record_outcome(
            done, *weaken(done, parameters, rule.tries, reached, stage.attempt, stage.costliest, stage.cut_of)
        )
    build.sweep(f"stages/{number:02d}-*~*")
    return done


class _Stage:
    """The attempts at one stage; `memo` keeps results about `source` that they share."""

    def __init__(self, build: Build, number: int, source: FinishedStep) -> None:
        self._build, self._number, self._source = build, number, source
        self._memo: dict[tuple[str, str], Any] = {}

    def attempt(self, parameters: StageParameters) -> FinishedStep:
        """Make the stage at one strength. Every strength has its own folder and cache key."""
        build, source, kind = self._build, self._source, parameters.kind
        name, described = f"{self._number:02d}-{kind}", parameters.model_dump(exclude={"kind"})
        key = self._key(parameters, described)
        step = Step(name=name, kind=kind, decision="accepted", parameters=described, key=key)

        def work(out: Path, scratch: Path) -> Step:
            from transformers import set_seed

            context = replace(self._context(scratch), new_tokenizer=out / "tokenizer")
            model = source.model()
            parameters.check(model.config)
            before = count_parameters(model)
            set_seed(build.recipe.seed)  # dropout, and the student's new weights
            model = stage_module(kind).run(model, context, parameters)
            if kind.startswith("prune-") and count_parameters(model) == before:
                every = "every token is needed" if kind == "prune-vocab" else "an earlier step has reached the target"
                context.remarks.append(f"nothing was cut: {every}")
            context.remarks.extend(_missed_target(model, parameters, context))
            if not context.new_tokenizer.is_dir():
                shutil.copytree(source.folder / "tokenizer", context.new_tokenizer)
            return build.record(model, step.model_copy(update={"remarks": context.remarks}), out)

        weaker = parameters != build.recipe.stages[self._number - 1]
        folder = build.root / "stages" / (f"{name}~{key[:8]}" if weaker else name)
        return build.decide(build.step(folder, step, work, together=True))

    def _key(self, parameters: StageParameters, described: dict[str, Any]) -> str:
        build, outside = self._build, parameters.external_source()
        made_of = {
            "teacher": build.teacher.step.key,
            "seed": build.recipe.seed,
            "outside": outside and source_key(outside),
        }
        modules = (stage_module(parameters.kind).__name__, build.task_module(), *RECORDED_BY, *parameters.plug_ins())
        return step_key(self._source.step.key, described | made_of, modules)

    def costliest(self, parameters: StageParameters) -> int | None:
        """Return the layer in which the stage costs most; None if this kind of stage does not rank layers."""
        layer: int | None = self._ranked("costliest", parameters)
        return layer

    def cut_of(self, parameters: StageParameters) -> list[int] | None:
        """Return what the stage would cut; None if every strength of this kind of stage is a cut of its own."""
        units: list[int] | None = self._ranked("cut_of", parameters)
        return units

    def _ranked(self, function: str, parameters: StageParameters) -> Any:
        """Call a function of the stage's module with the model before the stage; None if the module has none."""
        if (found := getattr(stage_module(parameters.kind), function, None)) is None:
            return None
        return found(self._source.model(), self._context(self._build.root / SCRATCH / "costliest"), parameters)

    def _context(self, scratch: Path) -> Context:
        return replace(self._build.context(scratch, self._source.tokens, self._source), memo=self._memo)


def _missed_target(model: "PreTrainedModel", parameters: StageParameters, context: Context) -> Iterator[str]:
    """Yield a remark if the stage has a target that it missed: a layer was spared, or an earlier stage undone."""
    target: float | None = getattr(parameters, "target_macs", None)
    if target is not None and (left := encoder_macs(model.config) / context.teacher_macs) > target + _ROUNDING:
        yield f"target_macs = {target:g} is not reached: {percent(left)} of the teacher's encoder MACs are left"
