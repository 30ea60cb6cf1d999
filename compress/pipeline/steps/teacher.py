"""The first step: the fine-tuned teacher, the reference that every later step is compared with."""

from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import Tokenizer

from pocketbert.compress.manifest import Step
from pocketbert.compress.models.checks import check_positions, check_types
from pocketbert.compress.models.pretrained import load_teacher, read_config, source_key
from pocketbert.compress.pipeline.cache import step_key
from pocketbert.compress.pipeline.recipe import Recipe
from pocketbert.compress.pipeline.steps.step import RECORDED_BY, TOKENIZER, Build, FinishedStep
from pocketbert.compress.stages import stage_module
from pocketbert.compress.tasks import Task
from pocketbert.compress.tasks.inputs import longer_texts
from pocketbert.compress.tasks.tokenizer import load_tokenizer, one_piece_per_character

if TYPE_CHECKING:
    from transformers import PretrainedConfig


def make_teacher(build: Build) -> FinishedStep:
    """Make the fine-tuned teacher, or take it from the cache.

    Raises:
        BadInput: the model cannot be loaded, or a stage of the recipe cannot work with it.
    """
    recipe, texts = build.recipe, build.texts
    table, folder = recipe.teacher, build.root / "stages/00-teacher"
    parameters = table.model_dump() | {"model": source_key(table.model), "seed": recipe.seed}
    finetune = stage_module("finetune")
    modules = (finetune.__name__, "pocketbert.compress.models.pretrained", build.task_module(), *RECORDED_BY)
    key = step_key(texts.key, parameters, modules)
    step = Step(name="00-teacher", kind="finetune", decision="reference", parameters=table.model_dump(), key=key)

    def work(out: Path, scratch: Path) -> Step:
        from transformers import set_seed

        set_seed(recipe.seed)  # a new head is random
        task = texts.task
        model, tokenizer = load_teacher(
            table.model,
            task.labels,
            build.root.parent / ".sources",
            token_level=task.token_level,
            max_length=task.max_length,
            tuned=table.epochs == 0,
            trust_remote_code=table.trust_remote_code,
        )
        check_stages(recipe, task, model.config, tokenizer.backend_tokenizer)
        if task.token_level and table.epochs:  # a fine-tuned model keeps its own tokenization
            one_piece_per_character(tokenizer.backend_tokenizer)
        tokenizer.save_pretrained(out / "tokenizer")
        tokens = build.tokens(out / TOKENIZER)
        check_types(tokens.train.inputs.types is not None, model.config, f"teacher.model {table.model!r}")
        context = build.context(scratch, tokens)
        test = task.encode(load_tokenizer(out / TOKENIZER), texts.splits["test"])
        read = {"training": tokens.train.inputs, "validation": tokens.validation.inputs, "test": test}
        context.remarks.extend([*texts.remarks, *longer_texts(read, task.max_length)])
        if table.epochs:
            chosen = finetune.Parameters(**table.model_dump(include=set(finetune.Parameters.model_fields)))
            model = finetune.run(model, context, chosen)
        return build.record(model, step.model_copy(update={"remarks": context.remarks}), out)

    done = build.step(folder, step, work, together=True)
    if recipe.stages:  # a teacher from the cache may be older than these stages
        config = read_config(str(folder / "model"), str(folder / "model"))
        check_stages(recipe, texts.task, config, Tokenizer.from_file(str(folder / TOKENIZER)))
    return done


def check_stages(recipe: Recipe, task: Task, config: "PretrainedConfig", tokenizer: Tokenizer) -> None:
    """Check, before anything is trained, that each stage can work with this teacher and the results of earlier stages.

    Raises:
        BadInput: names the first stage that cannot.
    """
    given, given_tokenizer = config, tokenizer
    for stage in recipe.stages:
        stage.check(given)
        stage.check_tokenizer(given_tokenizer, tokenizer, task.token_level)
        given_tokenizer = stage.tokenizer_after(given_tokenizer)
        given = stage.config_after(given, config)
        check_positions(given, task.max_length, f"the model after {stage.kind}")
