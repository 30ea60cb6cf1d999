"""`python -m studies.verdicts.at_limit 0.03`: decides the recorded pairs again at another threshold; times nothing.

Slow-downs that were never recorded are synthetic: the pairs of the 5 % recordings, with their noise, are shifted to the
wanted mean. What this cannot show is whether a real file of that slow-down has another noise.
"""

import json
import lzma
from collections import Counter
from collections.abc import Sequence
from math import log
from pathlib import Path
from statistics import fmean, median
from typing import Annotated, Any

import typer

from studies.shared.page import markdown_table
from studies.verdicts.columns import LIMIT
from studies.verdicts.page import OUTCOMES
from studies.verdicts.replay import Rates, decide_once

Pairs = list[dict[str, Any]]
_SHIFTED_FROM = "5%"  # the recordings with the most pairs


def replayed(
    limit: Annotated[float, typer.Argument(min=0.005, max=0.5)] = LIMIT, record: Path = Path("docs/verdicts.jsonl.xz")
) -> None:
    """Print the verdicts on the recorded pairs at +`limit`."""
    pairs: dict[str, Pairs] = {}
    with lzma.open(record, "rt", encoding="utf-8") as file:
        for entry in map(json.loads, file):
            if "recording" in entry:
                pairs.setdefault(entry["recording"], []).append(entry)
    rows = [row(f"{name} (recorded)", found, limit) for name, found in pairs.items()]
    for slow_down in (0.0, 2 / 3 * limit, limit, 2 * limit):
        for load in ("idle", "busy"):
            found = shifted(pairs[f"{_SHIFTED_FROM} {load}"], slow_down)
            rows.append(row(f"{slow_down:.0%} {load} (synthetic)", found, limit))
    typer.echo(
        markdown_table([f"pairs at {limit:+.0%}", "verdicts", *OUTCOMES, "median pairs", "median s", "most s"], rows)
    )


def shifted(pairs: Pairs, slow_down: float) -> Pairs:
    """Return the pairs with their noise around another mean."""
    by = log(1 + slow_down) - fmean(pair["p50"] for pair in pairs)
    return [pair | {"p50": pair["p50"] + by, "p90": pair["p90"] + by} for pair in pairs]


def row(name: str, pairs: Sequence[dict[str, Any]], limit: float) -> list[Any]:
    """Return the verdicts on disjoint pairs as a row of the table."""
    counts: Counter[str] = Counter()
    used, seconds, at = [], [], 0
    while at < len(pairs):
        outcome, number = decide_once(pairs[at:], limit)
        if not outcome:
            break
        counts[outcome] += 1
        used.append(number)
        seconds.append(sum(pair["seconds"] for pair in pairs[at : at + number]))
        at += number
    rates = Rates(counts)
    times = [f"{median(used):g}", f"{median(seconds):.1f}", f"{max(seconds):.1f}"] if used else ["–"] * 3
    return [name, rates.total, *(rates.shown(outcome) for outcome in OUTCOMES), *times]


if __name__ == "__main__":
    typer.run(replayed)
