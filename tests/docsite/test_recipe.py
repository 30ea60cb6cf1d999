"""The recipe reference has every key of the models, in both languages."""

import pytest

from docsite.recipe import CHINESE, Section, descriptions, page, sections
from pocketbert.compress.stages import stage_kinds


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_key_is_documented(language: str) -> None:
    missing = [
        f"{section.name}.{key}"
        for section in sections()
        for key, meaning in descriptions(section, language).items()
        if not meaning
    ]
    assert not missing


def test_chinese_names_no_key_that_is_gone() -> None:
    known = {section.name: set(section.model.model_fields) for section in sections()}
    known = {name: {*keys, "_", "stage", "artifact"} for name, keys in known.items()}
    known["shared"] = set().union(*known.values())
    assert not [f"{section}.{key}" for section, keys in CHINESE.items() for key in keys if key not in known[section]]


def test_a_section_for_every_kind_of_stage() -> None:
    assert set(stage_kinds()) < {section.name for section in sections()}


def test_a_row_has_type_range_default_and_meaning() -> None:
    shown = page("en")
    assert "| `seed` | whole number ≥ 0 ≤ 4,294,967,295 | `13` |" in shown
    assert "| `model` | text | needed |" in shown
    assert '| `on_fail` | `"weaken"`, `"rollback"`, `"stop"` | `"weaken"` |' in shown
    assert "| `layers` | whole number or list: whole number | none |" in shown
    assert "| `student` | table | needed |" in shown
    assert "| `seed` | 整数 ≥ 0 ≤ 4,294,967,295 | `13` | 所有随机选择的种子" in page("zh")
    assert all(isinstance(section, Section) for section in sections())
