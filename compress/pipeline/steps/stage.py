"""One ``[[stage]]``: made from the last accepted model, judged, and retried at lower strengths if it costs too much."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from pocketbert.compress.base.processes import rank
from pocketbert.compress.manifest import Step
from pocketbert.compress.models.pretrained import source_key
from pocketbert.compress.models.sizes import count_parameters
from pocketbert.compress.pipeline.cache import step_key
from pocketbert.compress.pipeline.guard import GuardStopped, describe
from pocketbert.compress.pipeline.retry import weaken
from pocketbert.compress.pipeline.steps.step import RECORDED_BY, TOKENIZER, Build, FinishedStep
from pocketbert.compress.stages import StageParameters, stage_module


def run_stage(build: Build, number: int, parameters: StageParameters, source: FinishedStep) -> FinishedStep:
    """Run stage `number` of the recipe (from 1) on `source`.

    Returns:
        The accepted step, or the rejected one at full strength if no strength was accepted.

    Raises:
        GuardStopped: it was rejected and the recipe says ``on_fail = "stop"``.
    """
    stage = _Stage(build, number, source)
    done = stage.attempt(parameters)
    rule = build.recipe.guard
    if done.step.decision == "rolled-back" and rule.on_fail == "weaken":
        reached = stage.strength_reached(parameters)
        done = build.record_outcome(
            done, *weaken(done, parameters, rule.tries, reached, stage.attempt, stage.costliest)
        )
    stage.sweep()
    if done.step.decision == "rolled-back" and rule.on_fail == "stop":
        raise GuardStopped(describe(done.step, rule.max_drop))
    return done


class _Stage:
    """The attempts at one stage; `memo` keeps what was computed about `source` between them."""

    def __init__(self, build: Build, number: int, source: FinishedStep) -> None:
        self._build, self._number, self._source = build, number, source
        self._memo: dict[tuple[str, str], Any] = {}
        self._visited: set[Path] = set()

    def attempt(self, parameters: StageParameters) -> FinishedStep:
        """Make and judge the stage at one strength. Every strength has a folder and a cache key of its own."""
        build, source = self._build, self._source
        name = f"{self._number:02d}-{parameters.kind}"
        described = parameters.model_dump(exclude={"kind"})
        step = Step(name=name, kind=parameters.kind, decision="accepted", parameters=described, key="")
        step = step.model_copy(update={"key": self._key(parameters, described)})

        def work(out: Path, scratch: Path) -> Step:
            from transformers import set_seed

            context = build.context(scratch, source.tokens, source, self._memo)
            context = replace(context, new_tokenizer=out / "tokenizer")
            model = source.model()
            parameters.check(model.config)
            before = count_parameters(model)
            set_seed(build.recipe.seed)  # dropout, and the student's new weights
            model = stage_module(parameters.kind).run(model, context, parameters)
            if step.kind.startswith("prune-") and count_parameters(model) == before:
                context.remarks.append("nothing was cut: an earlier step has reached the target")
            if not context.new_tokenizer.is_dir():
                shutil.copytree(source.folder / "tokenizer", context.new_tokenizer)
            tokens = build.tokens(out / TOKENIZER)
            return build.record(model, step.model_copy(update={"remarks": context.remarks}), out, tokens)

        weaker = parameters != build.recipe.stages[self._number - 1]
        folder = build.root / "stages" / (f"{name}~{step.key[:8]}" if weaker else name)
        self._visited.add(folder)
        return build.judge(build.step(folder, step, work, together=True))

    def _key(self, parameters: StageParameters, described: dict[str, Any]) -> str:
        build, outside = self._build, parameters.external_source()
        made_of = {
            "teacher": build.teacher.step.key,
            "seed": build.recipe.seed,
            "outside": outside and source_key(outside),
        }
        modules = (stage_module(parameters.kind).__name__, build.task_module(), *RECORDED_BY, *parameters.plug_ins())
        return step_key(self._source.step.key, described | made_of, modules)

    def strength_reached(self, parameters: StageParameters) -> float:
        """The smallest useful strength: at or below it `source` already meets the target."""
        macs = (done.step.measured["encoder_macs_128"] for done in (self._source, self._build.teacher))
        return parameters.strength_reached(*macs)

    def costliest(self, parameters: StageParameters) -> int | None:
        """The layer that the stage costs most in, where the kind of stage can say so."""
        found = getattr(stage_module(parameters.kind), "costliest", None)
        scratch = self._build.root / ".scratch/costliest"
        context = self._build.context(scratch, self._source.tokens, self._source, self._memo)
        layer: int | None = found(self._source.model(), context, parameters) if found else None
        return layer

    def sweep(self) -> None:
        """Remove the folders of strengths that this build has not tried."""
        for folder in (self._build.root / "stages").glob(f"{self._number:02d}-*~*"):
            if folder not in self._visited and rank() == 0:
                shutil.rmtree(folder)
