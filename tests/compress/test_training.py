import json
from pathlib import Path

from compress.training import _ByLength, _last_checkpoint


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


def test_newest_whole_checkpoint(tmp_path: Path) -> None:
    assert _last_checkpoint(tmp_path) is None
    for step, state in ((20, json.dumps({"global_step": 20})), (100, '{"global_st'), (90, None)):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        if state is not None:
            (folder / "trainer_state.json").write_text(state)
    assert _last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-20")
