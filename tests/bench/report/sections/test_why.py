"""Evidence in words and tables."""

import pytest

from pocketbert.bench.records.results import Changed, Results, Why
from pocketbert.bench.report.sections.why import cost, lines, summary, tables
from tests.support.reports import check_tables, rows_of

OPERATORS = [
    Changed(what=f"Op{number}", was="3 × 0.1 ms", now="4 × 0.2 ms", cost=0.5 - number / 40, unit="ms")
    for number in range(18)
]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Changed(what="a", was="", now="", cost=0.353, unit="ms"), "+0.353 ms"),
        (Changed(what="a", was="", now="", cost=-1_200_000, unit="bytes"), "−1.20 MB"),
        (Changed(what="a", was="", now=""), ""),
    ],
)
def test_a_cost_has_sign_and_unit(change: Changed, words: str) -> None:
    assert cost(change) == words


def test_the_summary_names_the_costliest_changes() -> None:
    tensors = [
        Changed(what="w", was="", now="float 3", cost=1e6, unit="bytes"),
        Changed(what="v", was="int8 3", now=""),
    ]
    found = Why(artifact="a", metrics=["latency"], evidence={"operators": OPERATORS[:3], "tensors": tensors})
    assert summary(found) == (
        "operators: Op0 3 × 0.1 ms → 4 × 0.2 ms (+0.500 ms), Op1 3 × 0.1 ms → 4 × 0.2 ms (+0.475 ms) and 1 more; "
        "tensors: w new, float 3 (+1.00 MB), v gone, was int8 3"
    )


def test_missing_evidence_has_its_reason() -> None:
    found = Why(artifact="a", metrics=["size"], evidence={}, silent=["one", "two"])
    assert summary(found) == "not looked into: one; two"
    assert summary(found.model_copy(update={"silent": []})) == "nothing was found that tells"


def test_a_table_per_kind_lists_the_first_fifteen(results: Results) -> None:
    found = Why(artifact="a", metrics=["latency", "size"], evidence={"operators": OPERATORS}, silent=["no tensors"])
    both = results.model_copy(update={"why": [found]})
    assert lines(both)[0].startswith("**what changed inside** `a`: operators: Op0 ")
    blocks = tables(both)
    assert blocks.startswith("`a`, latency and size regressed:\n\n")
    assert check_tables(blocks) == 1
    assert rows_of(blocks, "Op14") == [["3 × 0.1 ms", "4 × 0.2 ms", "+0.150 ms"]]
    assert rows_of(blocks, "Op15") == []
    assert blocks.endswith("\n\nand 3 more that cost less.\n\n- not looked into: no tensors")
