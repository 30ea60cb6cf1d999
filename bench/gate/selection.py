"""Which items of the gate a run judges: those that -k, -m and node ids select, whatever else takes items away."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from pocketbert.bench.verdicts.items import Item


def gate_items(items: Iterable[pytest.Item]) -> dict[pytest.Item, "Item"]:
    """Return pytest's items of the gate, each with the quantity that it judges."""
    return {item: quantity for item in items if (quantity := _quantity(item)) is not None}


def _quantity(item: pytest.Item) -> "Item | None":
    callspec = getattr(item, "callspec", None)
    return cast("Item | None", callspec.params.get("pocketbert_item")) if callspec else None


def check_complete(config: pytest.Config, collected: Iterable["Item"], every: Iterable["Item"]) -> None:
    """Refuse a collection from which something else than a node id took items of the gate away, such as ``--lf``.

    Raises:
        pytest.UsageError: items are missing, and no argument is a node id.
    """
    lost = set(every) - set(collected)
    if lost and not any("::" in arg for arg in config.args):
        raise pytest.UsageError(
            f"pocketbert: {len(lost)} of {len(set(every))} items of the gate were not collected, because of --lf or of "
            "another plugin; leave that out, and select items with -k, -m or node ids"
        )


class _Quiet:
    """pytest's configuration, without the report of what was deselected."""

    hook = SimpleNamespace(pytest_deselected=lambda items: None)

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def __getattr__(self, name: str) -> Any:
        return getattr(self._config, name)


def selected(config: pytest.Config, items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """Return the items that ``-k`` and ``-m`` select, by pytest's own rule."""
    left = list(items)
    cast("Any", config.pluginmanager.get_plugin("mark")).pytest_collection_modifyitems(
        items=left, config=_Quiet(config)
    )
    return left
