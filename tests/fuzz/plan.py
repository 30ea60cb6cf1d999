"""What a build does with a recipe, without any training: rows, teacher, checks, keys, cuts, students, answers."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.data.findings import find
from pocketbert.compress.data.texts import Texts, read_texts, tokenize, write_test
from pocketbert.compress.exports import FORMATS, file_name, limits
from pocketbert.compress.models.checks import check_types
from pocketbert.compress.models.pretrained import load_teacher, source_key
from pocketbert.compress.models.sizes import count_macs, count_parameters, count_zeros, encoder_macs
from pocketbert.compress.pipeline.cache import step_key
from pocketbert.compress.pipeline.recipe import Recipe
from pocketbert.compress.pipeline.shipping.artifact import Export
from pocketbert.compress.pipeline.steps.teacher import check_stages
from pocketbert.compress.runtimes import require
from pocketbert.compress.runtimes.torch import TorchSession
from pocketbert.compress.stages import StageParameters, stage_module
from pocketbert.compress.tasks.inputs import predict
from pocketbert.compress.tasks.tokenizer import one_piece_per_character
from pocketbert.compress.training.context import Context
from pocketbert.compress.training.distillation.student import build

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Plan:
    """Goes on with recipes; models and rows that several recipes share are opened once.

    Args:
        folder: where tokenizers are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._teachers: dict[str, Any] = {}
        self._number = 0

    def __call__(self, recipe: Recipe) -> None:
        """Go on with a recipe until something would be trained."""
        texts = read_texts(recipe.task)
        find(texts)
        write_test(texts, self._folder / "test.jsonl")
        key = source_key(recipe.teacher.model)
        model, tokenizer = self._teacher(recipe, texts)
        check_stages(recipe, texts.task, model.config, tokenizer.backend_tokenizer)
        given = self._folder / "tokenizer"
        tokenizer.save_pretrained(given)
        tokens = tokenize(texts, given / "tokenizer.json")
        check_types(tokens.train.inputs.types is not None, model.config, "teacher.model")
        key = step_key(key, recipe.teacher.model_dump(), ("pocketbert.compress.stages.finetune",))
        context = Context(
            task=texts.task, train=tokens.train, labelled=tokens.labelled, validation=tokens.validation,
            seed=recipe.seed, scratch=self._folder / "scratch", progress=Progress(), tokenize=partial(tokenize, texts),
            teacher_macs=encoder_macs(model.config), tokenizer=given,
        )  # fmt: skip
        for number, parameters in enumerate(recipe.stages):
            key = _key(key, parameters)
            parameters.check(model.config)
            context = _next(context, self._folder / f"tokenizer-{number}")
            model = _made(model, context, parameters)
            if (context.new_tokenizer / "tokenizer.json").is_file():
                context = _next(context, self._folder / "unused", context.new_tokenizer)
                tokens = tokenize(texts, context.tokenizer / "tokenizer.json")
                context = replace(context, train=tokens.train, labelled=tokens.labelled, validation=tokens.validation)
        _measure(model)
        validation = context.validation.inputs
        logits = predict(TorchSession(model).logits, validation)
        texts.task.scores(logits, texts.splits["validation"]["label"])
        for artifact in recipe.artifacts:
            require(FORMATS[artifact.format].runtime)
            limits(artifact.format)
            file_name(artifact.format, artifact.precision)
            export = Export.of(artifact.model_dump(), typed=validation.types is not None)
            export.key(key, artifact.model_dump())

    def _teacher(self, recipe: Recipe, texts: Texts) -> Any:
        """Open the teacher, or return a copy of the one that was opened so before."""
        table, task = recipe.teacher, texts.task
        given = repr((table.model, task.labels, task.token_level, task.max_length, table.epochs == 0))
        if given not in self._teachers:
            self._teachers[given] = load_teacher(
                table.model, task.labels, self._folder / "sources", token_level=task.token_level,
                max_length=task.max_length, tuned=table.epochs == 0,
            )  # fmt: skip
        model, tokenizer = deepcopy(self._teachers[given])
        if task.token_level and table.epochs:
            one_piece_per_character(tokenizer.backend_tokenizer)
        return model, tokenizer


def _next(context: Context, new: Path, tokenizer: Path | None = None) -> Context:
    if tokenizer is None and new.is_dir():
        rmtree(new)
    return replace(context, new_tokenizer=new, tokenizer=tokenizer or context.tokenizer, memo={})


def _key(key: str, parameters: StageParameters) -> str:
    """Compute the cache key of a stage, and those of weaker ones."""
    outside = parameters.external_source()
    modules = (stage_module(parameters.kind).__name__, *parameters.plug_ins())
    weaker = [parameters]
    if (strength := parameters.strength) is not None:
        weaker += [parameters.with_strength(strength / 2), parameters.with_strength(1e-6)]
        assert 0 <= parameters.strength_reached(1, 3) <= 1
    made_of: list[Mapping[str, Any]] = [each.model_dump(exclude={"kind"}) for each in weaker]
    keys = [step_key(key, each | {"outside": outside and source_key(outside)}, modules) for each in made_of]
    return keys[0]


def _made(model: "PreTrainedModel", context: Context, parameters: Any) -> "PreTrainedModel":
    """Return what a stage makes of the model before it trains."""
    if parameters.kind == "finetune":
        return model
    if parameters.kind == "distill":
        student, _ = build(parameters.student, model, context.task.labels, context.task.token_level, context.seed)
        return student.eval()
    untrained = parameters.model_copy(update={"recover": None}) if parameters.kind != "prune-vocab" else parameters
    return stage_module(parameters.kind).run(model, context, untrained).eval()


def _measure(model: "PreTrainedModel") -> None:
    for count in (count_parameters, count_zeros, count_macs):
        assert count(model) >= 0
