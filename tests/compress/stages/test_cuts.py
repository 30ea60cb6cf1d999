"""The cutting stages as a recipe asks for them: explicit choices, ratios, targets."""

from pathlib import Path
from typing import Any

import pytest
import torch

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.models.families import head_counts, neuron_counts
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.models.sizes import encoder_macs
from pocketbert.compress.pruning.importance import METHODS
from pocketbert.compress.pruning.surgery import without
from pocketbert.compress.stages import cuts, prune_width, stage_module
from pocketbert.compress.stages.cuts import unit_scores
from tests.support.models import context_of, rows_of

TEXTS, LABELS = [[2, 5, 6, 7, 3], [2, 14, 9, 3], [2, 11, 3]], [1, 0, 1]


def run(model: torch.nn.Module, kind: str, teacher_macs: int = 0, **settings: Any) -> Any:
    module = stage_module(kind)
    context = context_of(rows_of(TEXTS, LABELS), Path(), teacher_macs=teacher_macs)
    return module.run(model, context, module.Parameters(**settings))


def test_explicit_choices(tiny_model: Path) -> None:
    model = load_classifier(tiny_model)
    assert head_counts(run(model, "prune-heads", heads={0: [0, 3], 2: [0, 1, 2, 3]}).config) == [2, 4, 0, 4]
    assert neuron_counts(run(model, "prune-ffn", neurons={1: [0, 1, 2]}).config) == [64, 61, 64, 64]
    shallow = run(model, "prune-layers", layers=[1, 3])
    assert shallow.config.num_hidden_layers == 2
    kept = shallow.bert.encoder.layer[1].attention.self.query.weight
    assert torch.equal(kept, model.bert.encoder.layer[2].attention.self.query.weight)


def test_ratios(tiny_model: Path) -> None:
    model = load_classifier(tiny_model)
    assert sum(head_counts(run(model, "prune-heads", ratio=0.5).config)) == 8
    widths = neuron_counts(run(model, "prune-ffn", ratio=0.25).config)
    assert sum(widths) == 3 * 64
    assert all(width % 16 == 0 for width in widths)
    assert run(model, "prune-layers", ratio=0.5).config.num_hidden_layers == 2
    assert run(model, "prune-layers", ratio=0.01).config.num_hidden_layers == 3, "at least one goes"
    assert run(model, "prune-layers", ratio=0.99).config.num_hidden_layers == 1, "one always stays"


@pytest.mark.parametrize("importance", ["taylor", "fisher", "magnitude", "random"])
@pytest.mark.parametrize("kind", ["prune-heads", "prune-ffn", "prune-width"])
def test_target_macs_is_of_the_teacher(tiny_model: Path, kind: str, importance: str) -> None:
    teacher = load_classifier(tiny_model)
    macs = encoder_macs(teacher.config)
    model = without(teacher, {0: [0]}, {})  # an earlier stage has taken something already
    left = encoder_macs(run(model, kind, macs, target_macs=0.85, importance=importance).config)
    assert 0.80 * macs < left <= 0.85 * macs


@pytest.mark.parametrize("importance", ["similarity", "loss", "top", "alternate"])
def test_layers_by_target_macs(tiny_model: Path, importance: str) -> None:
    model = load_classifier(tiny_model)
    macs = encoder_macs(model.config)
    cut = run(model, "prune-layers", macs, target_macs=0.5, importance=importance)
    assert cut.config.num_hidden_layers == 2


def test_spared_layers_keep_all_and_nothing_goes_instead(tiny_model: Path) -> None:
    model = load_classifier(tiny_model)
    taken = head_counts(run(model, "prune-heads", ratio=0.5).config)
    layer = taken.index(min(taken))
    spared = head_counts(run(model, "prune-heads", ratio=0.5, spare=[layer]).config)
    assert spared == [4 if number == layer else count for number, count in enumerate(taken)]


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        ("prune-heads", {"heads": {9: [0]}}, "there is no layer 9; allowed: 0 to 3"),
        ("prune-heads", {"heads": {-1: [0]}}, "there is no layer -1"),
        ("prune-heads", {"heads": {1: [4]}}, "layer 1 has no head 4; allowed: 0 to 3"),
        ("prune-ffn", {"neurons": {1: [64]}}, "layer 1 has no neuron 64; allowed: 0 to 63"),
        ("prune-layers", {"layers": [4]}, "there is no layer 4; allowed: 0 to 3"),
        ("prune-layers", {"layers": [0, 1, 2, 3]}, "layers lists all 4 layers of the model; leave out at least one"),
        ("prune-width", {"ratio": 0.5, "spare": [7]}, "there is no layer 7"),
    ],
)
def test_what_does_not_exist_is_named(tiny_model: Path, kind: str, settings: dict[str, Any], said: str) -> None:
    parameters = stage_module(kind).Parameters(**settings)
    with pytest.raises(BadInput, match=said):
        parameters.check(load_classifier(tiny_model).config)


@pytest.mark.parametrize("settings", [{}, {"ratio": 0.5, "target_macs": 0.5}, {"heads": {0: [0]}, "ratio": 0.5}])
def test_one_choice_has_to_be_made(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give exactly one of heads, ratio, target_macs"):
        stage_module("prune-heads").Parameters(**settings)


def test_a_cut_may_be_recovered_before_the_guard_looks(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taught = []
    monkeypatch.setattr(
        "pocketbert.compress.stages.cuts.distil",
        lambda cut, context, settings, said: taught.append(settings),
    )
    model = load_classifier(tiny_model)
    for kind in ("prune-heads", "prune-ffn", "prune-width", "prune-layers"):
        run(model, kind, ratio=0.5, recover={"epochs": 3})
        run(model, kind, ratio=0.5)
    assert [settings.epochs for settings in taught] == [3] * 4


@pytest.mark.parametrize(
    ("kind", "at_most", "least"),
    [
        ("prune-heads", "without any head 25 %", 0.25),
        ("prune-ffn", "without any FFN neuron 75 %", 0.75),
        ("prune-layers", "with one layer left 25 %", 0.25),
    ],
)
def test_a_target_out_of_reach_names_what_can_be_reached(
    tiny_model: Path, kind: str, at_most: str, least: float
) -> None:
    model = load_classifier(tiny_model)
    macs = encoder_macs(model.config)
    with pytest.raises(BadInput) as refused:
        stage_module(kind).Parameters(target_macs=0.2).check_target(model.config, model.config)
    assert str(refused.value) == (
        f"{kind}: cannot reach target_macs = 0.2: {at_most} of the teacher's encoder MACs remain; "
        f"use prune-width, or a target of {least} or more"
    )
    for other, target in ((kind, least), ("prune-width", 0.2)):
        stage_module(other).Parameters(target_macs=target).check_target(model.config, model.config)
        assert encoder_macs(run(model, other, macs, target_macs=target).config) <= target * macs
    # In a build, an earlier stage that was undone may leave more to cut than the recipe promised.
    assert encoder_macs(run(model, kind, macs, target_macs=0.2).config) == pytest.approx(least * macs)


def test_the_named_target_is_rounded_up(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuts, "encoder_macs", lambda config: 10_000)
    parameters = stage_module("prune-heads").Parameters(target_macs=0.3)
    monkeypatch.setattr(type(parameters), "most_macs", lambda self, config: 2_889)
    config = load_classifier(tiny_model).config
    with pytest.raises(BadInput, match=r"without any head 71 % .* a target of 0\.712 or more"):
        parameters.check_target(config, config)
    parameters.model_copy(update={"target_macs": 0.712}).check_target(config, config)


def test_a_target_reached_before_cuts_nothing(tiny_model: Path) -> None:
    model = load_classifier(tiny_model)
    macs = encoder_macs(model.config)
    for kind in ("prune-heads", "prune-ffn", "prune-width", "prune-layers"):
        assert encoder_macs(run(model, kind, 2 * macs, target_macs=0.6).config) == macs


def test_layers_by_target_meet_it(tiny_model: Path) -> None:
    model = load_classifier(tiny_model)
    cut = run(model, "prune-layers", encoder_macs(model.config), target_macs=0.7)
    assert cut.config.num_hidden_layers == 2, "three of four layers are more than 0.7"


def test_scores_are_computed_once_for_all_strengths(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, context = load_classifier(tiny_model), context_of(rows_of([[2, 5, 3], [2, 6, 3]], [0, 1]), tmp_path)
    first = unit_scores(model, context, prune_width.Parameters(ratio=0.5, importance="taylor"))
    monkeypatch.setitem(METHODS, "taylor", lambda *_: pytest.fail("computed again"))
    assert unit_scores(model, context, prune_width.Parameters(ratio=0.2, importance="taylor")) is first
