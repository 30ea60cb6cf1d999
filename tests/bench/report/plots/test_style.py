import warnings
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from pocketbert.bench.report.plots.style import density, label, log_axis, new_figure, save, style, wide


@pytest.mark.parametrize(
    ("low", "high", "least", "ticks"),
    [
        (0.9, 1100, 4, [1, 10, 100, 1000]),
        (8, 120, 4, [10, 20, 50, 100]),
        (9.1, 10.6, 2, [10]),
        (17, 33, 4, [18, 20, 25, 30]),
    ],
)
def test_ticks_are_plain_numbers_inside_the_axis(low: float, high: float, least: int, ticks: list[float]) -> None:
    axes = new_figure(2).subplots()
    log_axis(axes, "x", low, high, least)
    assert axes.get_xscale() == "log"
    assert axes.get_xlim() == (low, high)
    assert axes.get_xticks().tolist() == pytest.approx(ticks)
    assert [label.get_text() for label in axes.get_xticklabels()] == [f"{tick:g}" for tick in ticks]
    assert axes.get_yscale() == "linear"


def test_the_density_is_highest_at_the_mode_and_scaled_to_one() -> None:
    logs = np.log(np.random.default_rng(0).normal(20, 1, 400))
    at, height = density(logs)
    assert (at[0], at[-1]) == (logs.min(), logs.max())
    assert height.max() == 1
    assert np.exp(at[height.argmax()]) == pytest.approx(20, rel=0.03)


def test_a_few_slow_requests_do_not_flatten_the_density() -> None:
    logs = np.log(np.random.default_rng(0).normal(20, 0.2, 400))
    logs[::20] += np.log(4)
    at, height = density(logs)
    wide = at[height > 0.5]
    assert wide.max() - wide.min() < 0.1


def test_equal_samples_have_a_density() -> None:
    at, height = density(np.zeros(5))
    assert np.isfinite(height).all()
    assert (at == 0).all()


def test_a_label_may_be_in_any_script_and_is_drawn_as_text(tmp_path: Path) -> None:
    assert label("教师 é\x1b") == "教师 é\\x1b"
    assert wide("教师 é") == 2
    with style(), warnings.catch_warnings(record=True) as warned:
        figure = new_figure(2)
        figure.subplots().set_title("教师 é")
        save(figure, tmp_path / "a.svg", "Title & more", "<How> it is read")
    assert not warned
    root = ElementTree.parse(tmp_path / "a.svg").getroot()  # noqa: S314  # we wrote it
    texts = {element.tag.rpartition("}")[2]: element.text for element in root}
    assert (texts["title"], texts["desc"]) == ("Title & more", "<How> it is read")
    assert root.get("role") == "img"
    assert "教师 é" in [element.text for element in root.iter() if element.tag.endswith("text")]


def test_a_picture_follows_the_scheme_of_the_page(tmp_path: Path) -> None:
    with style():
        save(new_figure(2), tmp_path / "a.svg", "", "")
    svg = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert '@media (prefers-color-scheme: dark){[style*="fill: #fbfbfa"]{fill:#0d1117!important}' in svg
