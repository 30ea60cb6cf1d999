"""Figures from real devices, in the report."""

import re

from pocketbert.bench.records.results import OnPhone, Results
from pocketbert.bench.report.page import compose
from pocketbert.bench.report.sections.phone import cells, details, headers
from tests.support.reports import plain, rows_of
from tests.support.results import FILE, INT8


def with_figures(results: Results, *figures: OnPhone) -> Results:
    return results.model_copy(update={"phone": list(figures)})


def test_they_are_next_to_the_simulated_profiles_and_marked(results: Results) -> None:
    figure = OnPhone(device="Pixel 8", artifact=INT8, length="128", p50_ms=19.2, p90_ms=21, threads=1)
    page = compose(with_figures(results, figure), [], FILE)
    assert rows_of(page, "P50 / P90, ms")[0][-1] == "**Pixel 8**, 128 tokens"
    assert rows_of(page, f"`{INT8}`")[1][-1] == "19.2 / 21.0"
    assert "<sub>**Pixel 8**: measured on the device, not by pocketbert" in page
    assert re.search(r"\| Pixel 8 .*mobile-1t: (1\.9\d|2\.0\d)×", plain(page))
    assert "real device" not in compose(results, [], FILE)


def test_a_device_is_shown_at_the_headlines_length_else_at_its_first(results: Results) -> None:
    figures = [
        OnPhone(device="new", artifact=INT8, length="mix", p50_ms=4, threads=4),
        OnPhone(device="new", artifact=INT8, length="128", p50_ms=9, threads=4),
        OnPhone(device="old", artifact="student-fp32.onnx", length="mix", p50_ms=99),
    ]
    shown = with_figures(results, *figures)
    assert headers(shown) == ["**new**, 128 tokens, 4 threads", "**old**, natural lengths"]
    assert cells(shown, INT8) == ["9.00", ""]


def test_other_threads_are_another_column(results: Results) -> None:
    figures = [
        OnPhone(device="d", artifact=INT8, length="128", p50_ms=9, threads=1),
        OnPhone(device="d", artifact=INT8, length="128", p50_ms=4, threads=4),
        OnPhone(device="d", artifact="student-fp32.onnx", length="128", p50_ms=20, threads=4),
    ]
    shown = with_figures(results, *figures)
    assert headers(shown) == ["**d**, 128 tokens", "**d**, 128 tokens, 4 threads"]
    assert cells(shown, INT8) == ["9.00", "4.00"]
    assert cells(shown, "student-fp32.onnx") == ["", "20.0"]


def test_a_figure_is_compared_with_the_profile_of_as_many_threads(results: Results) -> None:
    two = OnPhone(device="d", artifact=INT8, length="128", p50_ms=10, threads=2)
    [cells] = rows_of(details(with_figures(results, two)), "d")
    assert cells[-1].startswith("mobile-2t: 1.7"), "cpu has two threads too, but is no phone"
    unknown = two.model_copy(update={"threads": 8})
    assert "×" not in rows_of(details(with_figures(results, unknown)), "d")[0][-1]
