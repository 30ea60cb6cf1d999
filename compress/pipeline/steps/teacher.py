"""The first step: the fine-tuned teacher, the reference that every later step is compared with."""

from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import Tokenizer

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.texts import Texts
from pocketbert.compress.manifest import Step
from pocketbert.compress.models.checks import by_number, check_lengths, check_positions, check_types
from pocketbert.compress.models.pretrained import (
    load_teacher,
    other_normalizer,
    read_config,
    repeated_tokens,
    source_key,
)
from pocketbert.compress.pipeline.cache import SOURCES, step_key
from pocketbert.compress.pipeline.recipe import TEACHER, Recipe
from pocketbert.compress.pipeline.steps.step import RECORDED_BY, TOKENIZER, Build, FinishedStep
from pocketbert.compress.stages import StageParameters, stage_module
from pocketbert.compress.tasks import Task
from pocketbert.compress.tasks.inputs import longer_texts
from pocketbert.compress.tasks.label_order import other_order
from pocketbert.compress.tasks.odd_texts import odd_texts
from pocketbert.compress.tasks.tokenizer import load_tokenizer, one_piece_per_character
from pocketbert.compress.training.settings import TeacherTable

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast


def make_teacher(build: Build) -> FinishedStep:
    """Make the fine-tuned teacher, or take it from the cache.

    Raises:
        BadInput: the model cannot be loaded, its labels are in another order, or a stage of the recipe cannot work
            with it.
    """
    recipe, texts = build.recipe, build.texts
    table, folder = recipe.teacher, build.root / "stages" / TEACHER
    rows = "all" if build.held_back is None else "half"
    described = table.model_dump(exclude={"control"}) | {"guard.rows": rows}  # the key of every later step holds this
    parameters = described | {"model": source_key(table.model), "seed": recipe.seed}
    finetune = stage_module("finetune")
    modules = (finetune.__name__, "pocketbert.compress.models.pretrained", build.task_module(), *RECORDED_BY)
    key = step_key(texts.key, parameters, modules)
    step = Step(name=TEACHER, kind="finetune", decision="reference", parameters=described, key=key)

    def work(out: Path, scratch: Path) -> Step:
        from transformers import set_seed

        set_seed(recipe.seed)  # a new head is random
        task = texts.task
        model, tokenizer = open_teacher(recipe, task, build.root.parent / SOURCES)
        tokenizer.save_pretrained(out / "tokenizer")
        tokens = build.tokens(out / TOKENIZER)
        check_types(tokens.train.inputs.types is not None, model.config, f"teacher.model {table.model!r}")
        context = build.context(scratch, tokens)
        remarks = (
            by_number(model.config, task.labels),
            repeated_tokens(table.model),
            other_normalizer(table.model, tokenizer),
        )
        context.remarks.extend(filter(None, remarks))
        tokenizer_of_rows = load_tokenizer(out / TOKENIZER)
        test = task.encode(tokenizer_of_rows, texts.splits["test"])
        read = {"training": tokens.train.inputs, "validation": tokens.validation.inputs, "test": test}
        context.remarks.extend([*texts.remarks, *longer_texts(read, task.max_length)])
        context.remarks.extend(odd_texts(task, tokenizer_of_rows, texts.splits))
        if table.epochs:
            model = finetune.run(model, context, _fine_tuning(table))
        return build.record(model, step.model_copy(update={"remarks": context.remarks}), out)

    done = build.step(folder, step, work, together=True)
    if not table.epochs:
        _check_label_order(texts, done, table.model, table.trust_remote_code)
    if recipe.stages:  # a teacher from the cache may be older than these stages
        config = read_config(str(folder / "model"), str(folder / "model"))
        check_stages(recipe, texts.task, config, Tokenizer.from_file(str(folder / TOKENIZER)))
    return done


def open_teacher(recipe: Recipe, task: Task, cache: Path) -> "tuple[PreTrainedModel, PreTrainedTokenizerFast]":
    """Load the model that the recipe names, and check it against the recipe; a model without a head gets a random one.

    Args:
        cache: folder that builtin models are unpacked below.

    Raises:
        BadInput: see `make_teacher`.
    """
    table = recipe.teacher
    model, tokenizer = load_teacher(
        table.model,
        task.labels,
        cache,
        token_level=task.token_level,
        max_length=task.max_length,
        tuned=table.epochs == 0,
        trust_remote_code=table.trust_remote_code,
    )
    if table.epochs:
        _fine_tuning(table).check(model.config)
    check_stages(recipe, task, model.config, tokenizer.backend_tokenizer)
    if task.token_level and table.epochs:  # a fine-tuned model keeps its own tokenization
        one_piece_per_character(tokenizer.backend_tokenizer)
    return model, tokenizer


def _fine_tuning(table: TeacherTable) -> StageParameters:
    """Return the parameters of the stage `finetune` that the table of the teacher has."""
    finetune = stage_module("finetune").Parameters
    return finetune(**table.model_dump(include=set(finetune.model_fields)))


def _check_label_order(texts: Texts, done: FinishedStep, model: str, trust_remote_code: bool) -> None:
    """Raise `BadInput` if the teacher's answers on the validation rows fit another order of the labels."""
    if order := other_order(texts.task, done.logits, texts.splits["validation"]["label"]):
        where = f"teacher.model {model!r}"
        config = read_config(model, where, trust_remote_code)
        raise BadInput(f"{where}: {order.message([str(label) for label in config.id2label.values()])}")


def check_stages(recipe: Recipe, task: Task, config: "PretrainedConfig", tokenizer: Tokenizer) -> None:
    """Check, before anything is trained, that each stage can work with this teacher and the results of earlier stages,
    and that the last model has positions for every length that the artifacts name.

    Raises:
        BadInput: names the first stage or artifact that does not fit.
    """
    given, given_tokenizer, exact = config, tokenizer, True
    for number, stage in enumerate(recipe.stages, start=1):
        try:
            stage.check(given)
            if exact:
                stage.check_target(given, config)
            exact = exact and stage.strength is None  # how much such a stage removes is decided on the trained model
            stage.check_tokenizer(given_tokenizer, tokenizer, task.token_level)
            given_tokenizer = stage.tokenizer_after(given_tokenizer)
            given = stage.config_after(given, config)
        except BadInput as refused:
            said = str(refused).removeprefix(f"{stage.kind}: ")
            raise BadInput(f"stage {number} ({stage.kind}): {said}") from refused
        check_positions(given, task.max_length, f"the model after {stage.kind}")
    for number, artifact in enumerate(recipe.artifacts, start=1):
        check_lengths(given, artifact.lengths, f"artifact {number} ({artifact.format})")
