"""The exported files: one per ``[[artifact]]``, made from the last accepted model and verified."""

import json
import shutil
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from pocketbert.compress.base.files import atomic_write
from pocketbert.compress.base.processes import rank, wait
from pocketbert.compress.exports import FORMATS, module_name
from pocketbert.compress.manifest import Step
from pocketbert.compress.pipeline.cache import step_key
from pocketbert.compress.pipeline.recipe import ArtifactTable
from pocketbert.compress.pipeline.shipping.artifact import EXPORTED_TOKENIZER, Export
from pocketbert.compress.pipeline.shipping.calibration import choose
from pocketbert.compress.pipeline.shipping.fallback import Costs, fall_back, moves
from pocketbert.compress.pipeline.shipping.verify import verify
from pocketbert.compress.pipeline.steps.step import TOKENIZER, Build, FinishedStep
from pocketbert.compress.runtimes import EMULATED

_LOGITS = "validation.npy"
_ROUNDED = ("int8", "int4")
_ROUNDED_LESS = {"float": "float", "int8": "INT8"}
_SHIPPING = "pocketbert.compress.pipeline.shipping"
_CALIBRATION = f"{_SHIPPING}.calibration"
_ONNX = "onnxruntime"
REQUIRED_OPERATORS = "ship/reduced-build/required_operators.config"
"""Path of the list of operators for a reduced build of ONNX Runtime in the folder of a build."""


def ship(build: Build, source: FinishedStep) -> list[FinishedStep]:
    """Export every ``[[artifact]]`` of the recipe from `source`; returns rejected files too.

    Raises:
        GuardStopped: a file was rejected and the recipe says ``on_fail = "stop"``.
    """
    if rank() == 0:
        with atomic_write(build.root / EXPORTED_TOKENIZER) as temporary:
            shutil.copyfile(source.folder / TOKENIZER, temporary)
    wait()
    done = [file for table in build.recipe.artifacts for file in export_table(build, table, source)]
    if any(table.ort for table in build.recipe.artifacts):
        _reduced_build(build, source, done)
    return done


def export_table(build: Build, table: ArtifactTable, source: FinishedStep) -> list[FinishedStep]:
    """Export all files of one ``[[artifact]]``; the others follow the first one: none if the guard rejects it."""
    first, *others = table.files()
    done = _artifact(build, first, source)
    kept = done.step.parameters.get("kept", {})
    made = [done, *(_export(build, other, source, kept) for other in others if done.accepted)]
    for each in made:
        build.sweep(f"ship/{each.step.name}~*")
    return made


def _artifact(build: Build, table: ArtifactTable, source: FinishedStep) -> FinishedStep:
    """Export one ``[[artifact]]``; where rounding costs too much, what it hurts most goes back a precision."""
    done = _export(build, table, source)
    costs = not done.accepted and (done.step.comparison or not done.step.finite)
    if costs and table.precision in _ROUNDED and build.recipe.guard.on_fail == "weaken":
        ranked = moves(_costs(build, source), table.precision)
        outcome = fall_back(done, ranked, lambda kept: _export(build, table, source, kept))
        done = build.record_outcome(done, *outcome)
    return done


def _costs(build: Build, source: FinishedStep) -> Costs:
    """Compute what rounding costs in each layer of `source`, once for all formats, precisions and builds."""
    modules = (f"{_SHIPPING}.ranking", "pocketbert.compress.models.modeling_uneven")
    step = Step(name="ranking", kind="ranking", decision="accepted", key=step_key(source.step.key, {}, modules))
    folder, name = build.root / "ranking", "costs.json"

    def work(out: Path, _: Path) -> Step:
        from pocketbert.compress.pipeline.shipping.ranking import ROWS, rounding_costs

        costs = rounding_costs(source.model(), source.tokens.train.sample(ROWS).inputs, build.progress)
        (out / name).write_text(json.dumps(costs), encoding="utf-8")
        return step

    build.step(folder, step, work, source)
    costs: Costs = json.loads((folder / name).read_text(encoding="utf-8"))
    return costs


def _export(build: Build, table: ArtifactTable, source: FinishedStep, kept: Mapping[str, str] = {}) -> FinishedStep:
    """Export one file, verify it against its PyTorch source, and let the guard decide."""
    parameters = table.model_dump(exclude={"ort"}) | ({"kept": dict(kept)} if kept else {})
    calibrated = FORMATS[table.format].calibrated
    export = Export.of(parameters, build.typed(source), choose(source.tokens.train) if calibrated else None)
    key = export.key(source.step.key, parameters, [f"{_SHIPPING}.verify", *([_CALIBRATION] if calibrated else [])])
    step = Step(name=export.name, kind="artifact", decision="accepted", parameters=parameters, key=key)

    def work(out: Path, _: Path) -> Step:
        inputs, path = source.tokens.validation.inputs, out / export.file
        fitting = inputs.up_to(max(table.lengths, default=None))
        if not len(fitting):
            return step.model_copy(update={"failed": f"no validation text has at most {table.lengths[-1]} tokens"})
        expected = source.logits[inputs.answers(fitting)]
        made = verify(source.model(), export, path, expected, inputs.chosen(fitting), build.progress)
        if made.logits is None:  # without a key the next build tries again
            return step.model_copy(update={"failed": made.failed, "key": ""})
        remarks = [made.note] if made.note else []
        if len(fitting) == len(inputs):
            np.save(out / _LOGITS, made.logits)
        else:
            remarks.append(f"compared on the {len(fitting):,} of {len(inputs):,} validation texts that fit")
        for precision, words in _ROUNDED_LESS.items():
            if layers := [layer for layer, to in kept.items() if to == precision]:
                remarks.append(f"in {words}: {', '.join(layers)}")
        found = {"parity": made.parity, "min_runtime": None if made.failed else export.min_runtime(path)}
        return step.model_copy(update={**found, "failed": made.failed, "remarks": remarks})

    folder = build.root / "ship" / (f"{export.name}~{key[:8]}" if kept else export.name)
    done = build.step(folder, step, work, source)
    reason = f"{export.file}: {done.step.failed}" if done.step.failed else None
    if (folder / _LOGITS).exists() and export.runtime not in EMULATED:
        return build.decide(done, reason)
    decision = {"decision": "rolled-back", "notes": [reason]} if reason else {}  # no predictions, or too few to compare
    return build.record_decision(done, done.step.model_copy(update=decision))


def _reduced_build(build: Build, source: FinishedStep, exports: Sequence[FinishedStep]) -> None:
    """Write the operators that the accepted ONNX files need, all together, for a reduced build of ONNX Runtime."""
    made = [done for done in exports if done.accepted and FORMATS[done.step.parameters["format"]].runtime == _ONNX]
    keys = {done.step.name: done.step.key for done in made}
    key = step_key(source.step.key, {**keys, "onnxruntime": version("onnxruntime")}, (module_name("ort"),))
    step = Step(name="required operators", kind="operators", decision="accepted", key=key)

    def work(out: Path, _: Path) -> Step:
        from pocketbert.compress.exports.ort import required_operators

        files = [done.folder / Export.of(done.step.parameters, typed=False).file for done in made]
        required_operators(files, out / Path(REQUIRED_OPERATORS).name)
        return step

    build.step((build.root / REQUIRED_OPERATORS).parent, step, work, source)
