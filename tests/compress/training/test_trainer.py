import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from accelerate.data_loader import BatchSamplerShard
from torch import Tensor
from torch.utils.data import BatchSampler

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import record_digests
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.tasks.inputs import Inputs
from pocketbert.compress.tasks.rows import Rows
from pocketbert.compress.training import trainer
from pocketbert.compress.training.losses.cross_entropy import cross_entropy
from pocketbert.compress.training.settings import Schedule
from pocketbert.compress.training.trainer import (
    Examples,
    _ByLength,
    _Checkpoint,
    _last_checkpoint,
    _score,
    _Stop,
    stalled,
    still_improving,
    train,
)
from tests.support.models import context_of, rows_of, write_tiny_model


def test_every_row_once_in_batches_of_similar_length() -> None:
    lengths = [(7 * row) % 97 for row in range(1003)]
    order = list(_ByLength(lengths, 10, 3))
    assert sorted(order) == list(range(1003))
    batches = [order[i : i + 10] for i in range(0, len(order), 10)]
    spread = [max(lengths[row] for row in batch) - min(lengths[row] for row in batch) for batch in batches]
    assert sum(spread) / len(spread) < 10
    longest = [max(lengths[row] for row in batch) for batch in batches]
    assert longest[:50] != sorted(longest[:50]), "batches stand in order of length"


def test_order_depends_on_seed_and_epoch_alone() -> None:
    sampler = _ByLength(list(range(200)), 8, 3)
    first = list(sampler)
    sampler.set_epoch(1)
    second = list(sampler)
    again = _ByLength(list(range(200)), 8, 3)
    again.set_epoch(1)
    assert list(again) == second != first
    assert list(_ByLength(list(range(200)), 8, 4)) != first


def test_two_processes_share_the_batches_of_one() -> None:
    """Each row once, and what the two compute at one step is one batch of a single process."""
    lengths = [(7 * row) % 31 for row in range(96)]
    shards = [BatchSamplerShard(BatchSampler(_ByLength(lengths, 16, 3), 8, False), 2, rank) for rank in range(2)]
    together = [first + second for first, second in zip(*shards, strict=True)]
    alone = list(BatchSampler(_ByLength(lengths, 16, 3), 16, False))
    assert together == alone
    assert sorted(row for batch in together for row in batch) == list(range(96))


def test_a_batch_has_the_answers_of_its_inputs() -> None:
    """Of three tagged sentences the last and the first: their words' labels and values, and where the words are."""
    inputs = Inputs([[2, 5, 6, 3], [2, 7, 3], [2, 8, 9, 3]], 0, scored=[[1, 2], [1], [2]])
    rows = Rows(inputs, [[0, 1], [2], [3]], {})
    batch = Examples(rows, {"values": np.arange(8, dtype=np.float32).reshape(4, 2)}).batch([2, 0])
    assert batch["inputs"]["input_ids"].tolist() == [[2, 8, 9, 3], [2, 5, 6, 3]]
    assert batch["labels"].tolist() == [3, 0, 1]
    assert batch["values"].tolist() == [[6, 7], [0, 1], [2, 3]]
    assert [places.tolist() for places in batch["at"]] == [[0, 1, 1], [2, 1, 2]]


def test_a_batch_of_whole_texts_may_have_other_inputs() -> None:
    examples = Examples(rows_of([[2, 3], [2, 4, 3]], [1, 0]), batch_of=lambda indices: {"given": indices})
    batch = examples.batch([1])
    assert (batch["inputs"], batch["at"], batch["labels"].tolist()) == ({"given": [1]}, None, [0])


def checkpoint(folder: Path, step: int, **state: object) -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir()
    (path / "model.safetensors").write_bytes(b"weights")
    (path / "optimizer.pt").write_bytes(b"moments")
    record_digests(path / "digests.json", path.iterdir())
    (path / "trainer_state.json").write_text(json.dumps({"global_step": step, **state}))
    return path


def test_the_newest_whole_checkpoint_is_taken(tmp_path: Path) -> None:
    assert _last_checkpoint(tmp_path) is None
    for step in (20, 70, 80, 90, 100):
        checkpoint(tmp_path, step)
    (tmp_path / "checkpoint-100/trainer_state.json").write_text('{"global_st')  # killed while it was written
    (tmp_path / "checkpoint-90/model.safetensors").unlink()  # killed while it was deleted
    (tmp_path / "checkpoint-80/optimizer.pt").write_bytes(b"moment!")  # a bit that flipped
    (tmp_path / "checkpoint-70/digests.json").unlink()
    assert _last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-20")


def test_a_checkpoint_needs_the_best_one_of_its_training(tmp_path: Path) -> None:
    best = checkpoint(tmp_path, 10)
    newest = checkpoint(tmp_path, 30, best_model_checkpoint="/moved/away/checkpoint-10")
    assert _last_checkpoint(tmp_path) == str(newest)
    state = json.loads((newest / "trainer_state.json").read_text())
    assert state == {"global_step": 30, "best_model_checkpoint": str(best)}
    (best / "model.safetensors").unlink()
    assert _last_checkpoint(tmp_path) is None


def test_a_training_goes_on_when_its_last_checkpoint_is_half_deleted(tiny_model: Path, tmp_path: Path) -> None:
    """Killed at each file of a checkpoint, the training starts before it and ends with the same weights."""
    whole = fitted(tiny_model, tmp_path / "a", [0.9, 0.5], epochs=2)
    [kept] = (tmp_path / "a").glob("checkpoint-*")
    names = sorted(file.name for file in kept.iterdir())
    assert {"digests.json", "model.safetensors", "optimizer.pt", "trainer_state.json"} <= set(names)
    for name in ("model.safetensors", "rng_state.pth"):
        (kept / name).unlink()
        assert _last_checkpoint(tmp_path / "a") is None
        again = fitted(tiny_model, tmp_path / "a", [0.9, 0.5], epochs=2)
        assert all(torch.equal(again[weight], whole[weight]) for weight in whole)


def test_a_training_that_ends_on_a_gain_was_not_finished() -> None:
    assert still_improving([0.70, 0.76])
    assert not still_improving([0.70, 0.704])
    assert not still_improving([0.70, 0.80, 0.79])
    assert not still_improving([0.80])


def test_a_training_is_finished_when_the_last_epochs_brought_nothing() -> None:
    assert not stalled([], 1)
    assert not stalled([0.7], 1)
    assert stalled([0.7, 0.7], 1)
    assert not stalled([0.7, 0.6], 2)
    assert stalled([0.7, 0.6, 0.65], 2)
    assert not stalled([0.7, 0.6, 0.71], 2)


def test_epochs_before_the_rounding_begins_do_not_count() -> None:
    """Of 8 epochs of 10 steps, those that end after step 40 count."""
    stop, scores = _Stop("eval_f1", 1, 0.5), [0.9, 0.8, 0.7, 0.6, 0.5, 0.55, 0.54]
    ended = []
    for epoch in range(1, len(scores) + 1):
        history = [{"loss": 1.0, "step": 3}]
        history += [{"eval_f1": value, "step": 10 * (n + 1)} for n, value in enumerate(scores[:epoch])]
        control = SimpleNamespace(should_training_stop=False)
        stop.on_evaluate(None, SimpleNamespace(log_history=history, max_steps=80), control)
        ended.append(control.should_training_stop)
    assert ended == [False] * 6 + [True]


def labels_alone(logits: Tensor, batch: dict[str, Any], _: Any) -> Tensor:
    return cross_entropy(logits, batch["labels"])


def fitted(
    tiny_model: Path, tmp_path: Path, scores: list[float] | None = None, known: int = 0, **schedule: Any
) -> dict[str, Tensor]:
    """The weights of a tiny model after a training; `scores` are what evaluations shall say; the first are `known`."""
    draw = np.random.default_rng(0)
    sequences = [[2, *draw.integers(4, 20, 6).tolist(), 3] for _ in range(48)]
    rows = rows_of(sequences, [sequence[1] % 2 for sequence in sequences])
    model = load_classifier(tiny_model)
    settings = Schedule.model_validate({"learning_rate": 1e-3, "batch_size": 16, **schedule})
    with pytest.MonkeyPatch.context() as patch:
        if scores:
            said = iter(scores[known:])
            patch.setattr(trainer, "_score", lambda *_: next(said))
        context = context_of(rows, tmp_path)
        found = train(model, context, Examples(rows), settings, labels_alone, "x", model)
    assert not scores or found == scores
    return {name: weight.clone() for name, weight in model.state_dict().items()}


def test_the_best_epoch_stays(tiny_model: Path, tmp_path: Path) -> None:
    """The first of two epochs is a training of its own, but for the schedule: only the best checkpoint can tell."""
    falling = fitted(tiny_model, tmp_path / "a", [0.9, 0.5], epochs=2)
    rising = fitted(tiny_model, tmp_path / "b", [0.5, 0.9], epochs=2)
    assert any(not torch.equal(falling[name], rising[name]) for name in falling)


def test_patience_ends_a_training_and_the_best_epoch_stays(tiny_model: Path, tmp_path: Path) -> None:
    """A fifth evaluation would find no score; the epochs before are those of a training without patience."""
    early = fitted(tiny_model, tmp_path / "a", [0.5, 0.9, 0.8, 0.9], epochs=6, patience=2)
    whole = fitted(tiny_model, tmp_path / "b", [0.5, 0.9, 0.8, 0.9, 0.1, 0.1], epochs=6)
    assert all(torch.equal(early[name], whole[name]) for name in whole)


@pytest.mark.parametrize("killed_in", ["_score", "_load_best_model"])
def test_a_resumed_training_ends_at_the_same_epoch(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_in: str
) -> None:
    """Killed in the third evaluation, or when the last checkpoint is written and the best one is not loaded yet."""

    def killed(*_: object) -> float:
        raise KeyboardInterrupt

    known = 2 if killed_in == "_score" else 4
    said = iter([0.5, 0.9, 0.8, 0.9][:known])
    whole = fitted(tiny_model, tmp_path / "a", [0.5, 0.9, 0.8, 0.9], epochs=6, patience=2)
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "_score", lambda *_: next(said, None) or killed())
        patch.setattr(trainer._Trainer, "_load_best_model", killed)
        with pytest.raises(KeyboardInterrupt):
            fitted(tiny_model, tmp_path / "b", epochs=6, patience=2)
    resumed = fitted(tiny_model, tmp_path / "b", [0.5, 0.9, 0.8, 0.9], known=known, epochs=6, patience=2)
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


def test_a_training_that_ended_is_not_repeated(tiny_model: Path, tmp_path: Path) -> None:
    """Killed while its step was recorded: of the checkpoints only that of the best epoch is left."""
    whole = fitted(tiny_model, tmp_path, [0.9, 0.5, 0.4], epochs=3)
    again = fitted(tiny_model, tmp_path, [0.9, 0.5, 0.4], known=3, epochs=3)
    assert all(torch.equal(again[name], whole[name]) for name in whole)


@pytest.mark.parametrize(("epoch", "asked"), [(1.5, True), (2.0, False)])
def test_no_checkpoint_comes_between_an_epoch_and_its_evaluation(epoch: float, asked: bool) -> None:
    """Resumed from it, the training would begin the next epoch, and this one would have no score."""
    control = SimpleNamespace(should_save=False)
    _Checkpoint(0.0).on_step_end(None, SimpleNamespace(epoch=epoch, global_step=20, max_steps=99), control)
    assert control.should_save is asked


def test_several_processes_do_not_resume_inside_an_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended, inside = checkpoint(tmp_path, 10, epoch=1.0), checkpoint(tmp_path, 15, epoch=1.5)
    assert _last_checkpoint(tmp_path) == str(inside)
    monkeypatch.setattr(trainer, "world", lambda: 2)
    assert _last_checkpoint(tmp_path) == str(ended)


def test_batches_of_other_processes_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU gets its batches from two workers; each of two epochs sees the batches of a training on the CPU."""
    still = write_tiny_model(tmp_path / "still", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    alone = fitted(still, tmp_path / "a", [0.5, 0.9], epochs=2)
    rows = rows_of([[2, 3]], [0])
    loading = trainer._loading(True, Examples(rows))
    assert loading["dataloader_num_workers"] == 2
    assert "dataloader_num_workers" not in trainer._loading(True, Examples(rows, batch_of=lambda _: {}))
    monkeypatch.setattr(trainer, "_loading", lambda *_: loading | {"dataloader_pin_memory": False})
    ahead = fitted(still, tmp_path / "b", [0.5, 0.9], epochs=2)
    assert all(torch.equal(ahead[name], alone[name]) for name in alone)


def test_a_training_can_have_another_dropout_than_the_model(tmp_path: Path) -> None:
    still = write_tiny_model(tmp_path / "still", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    usual = write_tiny_model(tmp_path / "usual")
    wanted, same, other = (
        fitted(model, tmp_path / f"scratch-{number}", **settings)
        for number, (model, settings) in enumerate([(still, {}), (usual, {"dropout": 0}), (usual, {})])
    )
    assert all(torch.equal(same[name], wanted[name]) for name in wanted)
    assert any(not torch.equal(other[name], wanted[name]) for name in wanted)


def test_lower_layers_learn_less(tiny_model: Path, tmp_path: Path) -> None:
    before = load_classifier(tiny_model).state_dict()
    after = fitted(tiny_model, tmp_path, layer_decay=0.01)
    moved = {name: (after[name] - before[name]).abs().max().item() for name in after if name.endswith("dense.weight")}
    layers = [moved[f"bert.encoder.layer.{layer}.output.dense.weight"] for layer in range(4)]
    assert layers[0] < 1e-6 < layers[3] < moved["bert.pooler.dense.weight"]


def test_a_resumed_epoch_still_knows_what_its_half_had_come_to(tiny_model: Path, tmp_path: Path) -> None:
    rows = rows_of([[2, 5 + row % 9, 3] for row in range(64)], [row % 2 for row in range(64)])
    context, said = context_of(rows, tmp_path), iter([0.5, 0.9])

    def score(*_: object) -> float:
        found = next(said)
        if found == 0.9 and not (tmp_path / "killed").exists():
            (tmp_path / "killed").touch()
            raise KeyboardInterrupt
        return found

    def once() -> list[float]:
        return train(
            load_classifier(tiny_model),
            context,
            Examples(rows),
            Schedule(batch_size=8),
            labels_alone,
            "x",
            load_classifier(tiny_model),
            halfway=True,
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "_score", score)
        patch.setattr(trainer, "_SAVE_EVERY", 0.0)
        with pytest.raises(KeyboardInterrupt):
            once()
        said = iter([0.9])
        assert once() == [0.5, 0.9]


def test_portions_of_a_batch_come_to_the_same(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "has_bf16", lambda: False)
    still = write_tiny_model(tmp_path / "still", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    whole, portions = (fitted(still, tmp_path / str(steps), gradient_accumulation_steps=steps) for steps in (1, 4))
    for name, weight in whole.items():
        assert torch.allclose(weight, portions[name], atol=1e-5), name


@pytest.mark.parametrize("bf16", [False, True])
def test_where_there_is_bf16_it_is_trained_in(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bf16: bool
) -> None:
    monkeypatch.setattr(trainer, "has_bf16", lambda: bf16)
    model, found = load_classifier(tiny_model), set()
    model.classifier.register_forward_hook(lambda *given: found.add(given[-1].dtype))
    rows = rows_of([[2, 5, 6, 3], [2, 7, 3]] * 8, [0, 1] * 8)
    train(
        model,
        context_of(rows, tmp_path),
        Examples(rows),
        Schedule(),
        lambda logits, *_: logits.float().mean(),
        "x",
        model,
    )
    assert found == {torch.bfloat16 if bf16 else torch.float32}


def test_after_training_a_model_answers_in_fp32(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trained in BF16 or not: the autocast that accelerate wraps around the forward must be gone."""
    monkeypatch.setattr(trainer, "has_bf16", lambda: True)
    model = load_classifier(tiny_model)
    rows = rows_of([[2, 5, 6, 3], [2, 7, 3]] * 8, [0, 1] * 8)
    forward = model.forward
    train(
        model,
        context_of(rows, tmp_path),
        Examples(rows),
        Schedule(batch_size=8),
        lambda logits, *_: logits.pow(2).mean(),
        "x",
        model,
    )
    assert model.forward.__func__ is forward.__func__
    ids = torch.tensor([[2, 5, 6, 3]])
    saved = load_classifier(tiny_model)
    saved.load_state_dict(model.state_dict())
    with torch.no_grad():
        assert torch.equal(model(ids).logits, saved.eval()(ids).logits)


def test_a_training_that_diverges_stops_at_once_and_says_why(tiny_model: Path, tmp_path: Path) -> None:
    """In the third of 6 steps: the first has a learning rate of 0, the second makes the weights infinite."""
    said = r"^x: the loss is not a number since step 3: learning_rate = 1e\+37 is probably too high; try 1e\+36$"
    with pytest.raises(BadInput, match=said):
        fitted(tiny_model, tmp_path, learning_rate=1e37, epochs=2)


def test_a_training_that_diverges_in_its_last_step_is_not_scored(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt = load_classifier(tiny_model)
    torch.nn.init.constant_(spoilt.classifier.bias, float("inf"))
    rows = rows_of([[2, 5, 3], [2, 6, 3]], [0, 1])
    with pytest.raises(BadInput, match=r"^x: learning_rate is high; the logits of 2 of 2 predictions are NaN or inf"):
        _score(spoilt, context_of(rows, tmp_path), "x: learning_rate is high")


def test_a_training_of_one_step_changes_the_weights(tiny_model: Path, tmp_path: Path) -> None:
    before = load_classifier(tiny_model).state_dict()
    after = fitted(tiny_model, tmp_path, batch_size=64)
    assert any(not torch.equal(after[name], before[name]) for name in after)


def test_a_training_that_begins_anew_is_not_finished_by_the_old_ones_record(tiny_model: Path, tmp_path: Path) -> None:
    """It ended, its checkpoint was damaged, and the new training was killed in its second evaluation."""
    whole = fitted(tiny_model, tmp_path, [0.5, 0.6, 0.9], epochs=3)
    [kept] = tmp_path.glob("checkpoint-*")
    (kept / "model.safetensors").unlink()
    said = iter([0.5])

    def score(*_: object) -> float:
        if (value := next(said, None)) is None:
            raise KeyboardInterrupt
        return value

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "_score", score)
        with pytest.raises(KeyboardInterrupt):
            fitted(tiny_model, tmp_path, epochs=3)
    again = fitted(tiny_model, tmp_path, [0.5, 0.6, 0.9], known=1, epochs=3)
    assert all(torch.equal(again[name], whole[name]) for name in whole)
