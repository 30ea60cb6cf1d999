from pathlib import Path

import pytest

from compress.errors import BadInput
from compress.modeling import load_classifier
from compress.stages.prune_heads import least_important, without_heads


@pytest.mark.parametrize(
    ("heads", "said"),
    [
        ({9: [0]}, "there is no layer 9; legal: 0 to 3"),
        ({-1: [0]}, "there is no layer -1"),
        ({1: [4]}, "layer 1 has no head 4; legal: 0 to 3"),
        ({1: [0, 1, 2, 3]}, "lose all its 4 heads"),
    ],
)
def test_what_does_not_exist_is_named(tiny_model: Path, heads: dict[int, list[int]], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        without_heads(load_classifier(tiny_model), heads)


def test_pruning_twice_counts_what_is_left(tiny_model: Path) -> None:
    once = without_heads(load_classifier(tiny_model), {0: [0], 1: [1]})
    twice = without_heads(once, {0: [2]})
    assert twice.config.layer_heads == [2, 3, 4, 4]
    with pytest.raises(BadInput, match="layer 0 has no head 2; legal: 0 to 1"):
        without_heads(twice, {0: [2]})


def test_least_important_heads_go_first_and_the_best_of_a_layer_stays() -> None:
    scores = [[0.1, 0.2, 0.3, 0.15], [5.0, 0.01, 6.0, 7.0]]
    assert least_important(scores, 0.25) == {0: [0], 1: [1]}
    assert least_important(scores, 0.5) == {0: [0, 3, 1], 1: [1]}
    assert sum(len(heads) for heads in least_important(scores, 0.99).values()) == 6
