"""A grammar of right recipes: every table and key, values at the edge of what is allowed, every spelling of TOML."""

import random
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.damage import PICKS

_SMALL = 5e-324
DATA, PAIRS, TAGS, MODEL, TAGGER = "{data}", "{pairs}", "{tags}", "{model}", "{tagger}"
"""Places that stand for folders, which the reader fills in."""
Table = tuple[str, dict[str, Any]]


def _some(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw a table with some of these keys, or none."""
    return st.integers(0, 2).flatmap(
        lambda n: st.just({}) if n == 0 and keys else st.fixed_dictionaries({}, optional=keys)
    )


def _one(*given: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(given)


_SCHEDULE = {
    "epochs": _one(1, 2, 3),
    "learning_rate": _one(1e-4, 3e-3, _SMALL, 1e30, 1),
    "batch_size": _one(2, 16, 32, 1024, 2**16),
    "gradient_accumulation_steps": _one(1, 2),
    "patience": _one(0, 1, 2),
    "layer_decay": _one(0.5, 0.9, 1, _SMALL),
    "dropout": _one(0, 0.1, 0.999),
}
_TERMS = st.fixed_dictionaries(
    {"feature": _one("hidden", "attention", "relation"), "teacher": _one(0, 1), "student": _one(0, 0, 1)},
    optional={"weight": _one(1.0, _SMALL, 1e6, 3)},
) | st.just({"feature": "embedding"})
_DISTILLATION = {
    **_SCHEDULE,
    "temperature": _one(2.0, 1, 0.01, 1000),
    "alpha": _one(0, 0.5, 1, 1.0, _SMALL),
    "preset": _one("logits", "logits", "tinybert", "minilm"),
    "align": st.lists(_TERMS, max_size=2),
    "fake_quant": _one("int8", "int4"),
}
_STUDENTS = st.one_of(
    st.fixed_dictionaries(
        {"init": st.just("teacher-layers"), "layers": _one(1, 2, [0], [1], [0, 1])},
        optional={"hidden": _one(16, 32), "heads": _one(1, 2, 4), "intermediate": _one(1, 16, 64)},
    ),
    st.fixed_dictionaries(
        {"init": st.just("random"), "layers": _one(1, 2, 5), "hidden": _one(16, 32, 64), "heads": _one(1, 2, 4)},
        optional={"intermediate": _one(1, 16, 200), "architecture": _one("teacher", "tinybert", "mobilebert")},
    ),
    st.just({"init": "current"}),
    st.just({"init": MODEL}),
    st.just({"layers": 1}),
)
_RATIOS = _one(0.25, 0.5, 0.75, 0.999999, _SMALL, 1e-9)
_SCORED = {
    "importance": _one("taylor", "fisher", "magnitude", "random"),
    "calibration_rows": _one(1, 4, 512, 2**63 - 1),
}
_SPARE = _one([], [0], [1], [0, 1], [0, 0])


def _cut(kind: str, explicit: dict[str, st.SearchStrategy[Any]], **more: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Draw a pruning stage: one way to choose what goes, and some of the other keys."""
    choices = {**explicit, "ratio": _RATIOS, "target_macs": _RATIOS}
    chosen = st.one_of(*(st.fixed_dictionaries({key: drawn}) for key, drawn in choices.items()))
    recover = st.fixed_dictionaries({}, optional={"recover": _some(**_DISTILLATION)})
    parts = st.tuples(chosen, _some(spare=_SPARE, **more), recover)
    return parts.map(lambda found: {"kind": kind, **found[0], **found[1], **found[2]})


def _units(most: int) -> st.SearchStrategy[dict[str, list[int]]]:
    return st.dictionaries(_one("0", "1"), st.lists(st.integers(0, most), max_size=3), max_size=2)


_LAYERS = {"layers": _one([0], [1], [1, 1], [])}
_STAGES = st.one_of(
    _some(**_SCHEDULE, frozen_layers=_one(0, 1)).map(lambda keys: {"kind": "finetune", **keys}),
    _cut("prune-heads", {"heads": _units(3)}, **_SCORED),
    _cut("prune-ffn", {"neurons": _units(63)}, **_SCORED),
    _cut("prune-width", {}, **_SCORED),
    _cut("prune-layers", _LAYERS, importance=_one("similarity", "loss", "top", "alternate")),
    _some(tokens=_one(["好"], [], ["好", "好"]), keep=_one(["big5"], ["gb2312-2", "big5"], [])).map(
        lambda keys: {"kind": "prune-vocab", **keys}
    ),
    st.tuples(_STUDENTS, _some(**_DISTILLATION)).map(
        lambda found: {"kind": "distill", "student": found[0], **found[1]}
    ),
)
_SPARSE = st.tuples(_RATIOS, _some(scope=_one("layer", "global"), embeddings=st.booleans())).map(
    lambda found: {"kind": "sparsify", "amount": found[0], **found[1]}
)
_FILES = [
    ("torch", "fp32"),
    ("torch", "fp16"),
    ("torch", "int8"),
    ("onnx", "fp32"),
    ("onnx", "fp16"),
    ("onnx", "int8"),
    ("onnx", "int4"),
]
_TASK = {
    "max_length": _one(8, 16, 64),
    "limit": _some(train=_one(6, 12, 10**6), validation=_one(4, 99), test=_one(4, 2**62)),
    "labelled": _one(6, 12, 10**9),
}
_SPLITS = _one(
    {"train": "train[:75%]", "validation": "train[75%:]"},
    {"test": "validation", "validation": "train[6:]", "train": "train[:6]"},
    {"train": "train[:-4]", "unlabelled": "train[-4:]"},
    {"train": "train"},
)


@st.composite
def right_recipes(draw: st.DrawFn) -> list[Table]:
    """Draw the tables of a recipe that its own checks accept; the data or the model may still say no."""
    kind = draw(_one("classification", "classification", "classification", "matching", "tagging"))
    folder = {"classification": DATA, "matching": PAIRS, "tagging": TAGS}[kind]
    task = {"dataset": folder, **({} if kind == "classification" else {"kind": kind}), **draw(_some(**_TASK))}
    if not draw(st.integers(0, 3)):
        task["splits"] = draw(_SPLITS)
    if kind != "tagging" and draw(st.booleans()):
        task["labels"] = draw(_one(["neg", "pos"], ["pos", "neg"]))
    tuned = draw(st.booleans())
    optional = {key: drawn for key, drawn in _SCHEDULE.items() if key != "epochs"}
    more = draw(_some(**optional, frozen_layers=_one(0, 1, 2), control=st.booleans(), trust_remote_code=st.just(False)))
    teacher = {"model": TAGGER if kind == "tagging" else MODEL, "epochs": 0 if tuned else draw(_one(1, 2)), **more}
    tables: list[Table] = [
        ("", draw(_some(seed=_one(0, 13, 2**32 - 1))) | {"name": draw(_one("tiny", "A.b-c_9", "0"))})
    ]
    tables += [("[task]", task), ("[teacher]", teacher)]
    if draw(st.booleans()):
        guard = _some(
            max_drop=_one(0, 0.99, 0.5, _SMALL), confidence=_one(0.95, 0.5000001, 0.9999999), tries=_one(1, 4, 20),
            on_fail=_one("weaken", "rollback", "stop"), rows=_one("all", "half"),
        )  # fmt: skip
        tables.append(("[guard]", draw(guard)))
    stages = draw(st.lists(_STAGES, max_size=3)) + draw(st.lists(_SPARSE, max_size=1))
    tables += [("[[stage]]", stage) for stage in stages]
    files = draw(st.lists(st.sampled_from(_FILES), min_size=1, max_size=3, unique=True))
    return [*tables, *(("[[artifact]]", {"format": name, "precision": precision}) for name, precision in files)]


def written(tables: list[Table], pick: random.Random) -> str:
    """Write the tables in one of the ways that TOML allows."""
    end = pick.choice(("\n", "\n", "\r\n"))
    lines = [line for header, keys in tables for line in _lines(header, keys, pick)]
    return end.join(lines) + pick.choice(("", end, end * 3))


def _lines(header: str, keys: dict[str, Any], pick: random.Random) -> list[str]:
    lines, below = [pick.choice((header, header, f"  {header}  # {header}")) if header else ""], []
    for key, value in keys.items():
        form = pick.choice(("inline", "inline", "dotted", "below")) if isinstance(value, dict) and value else "inline"
        if form == "dotted":
            lines += [f"{_key(key, pick)}.{_key(inner, pick)} = {scalar(each, pick)}" for inner, each in value.items()]
        elif form == "below":
            inner = [f"{name} = {scalar(each, pick)}" for name, each in value.items()]
            below += ["", f"[{header.strip('[]')}.{key}]", *inner]
        else:
            lines.append(
                pick.choice(("{} = {}", "{} = {}", "{}={}", "\t{}  =  {} # {}")).format(
                    _key(key, pick), scalar(value, pick), "说明"
                )
            )
    return lines + below


def _key(key: str, pick: random.Random) -> str:
    return pick.choice((key, key, f'"{key}"', f"'{key}'"))


def scalar(value: Any, pick: random.Random) -> str:
    """Write a value as TOML, in one of the ways that it allows."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        forms = (str(value), str(value), f"{value:_}", f"+{value}", hex(value), oct(value), bin(value))
        return pick.choice(forms)
    if isinstance(value, float):
        return pick.choice((repr(value), f"+{value!r}", repr(value).replace("e", "E")))
    if isinstance(value, list):
        between = pick.choice((", ", ",", " ,  ", ", # x\n  "))
        return f"[{between.join(scalar(each, pick) for each in value)}{pick.choice(('', ',')) if value else ''}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key, pick)} = {scalar(each, pick)}" for key, each in value.items()) + " }"
    return pick.choice((f'"{value}"', f'"{value}"', f"'{value}'", f'"""{value}"""'))


@st.composite
def right_texts(draw: st.DrawFn) -> str:
    """Draw right recipes as text."""
    return written(draw(right_recipes()), draw(PICKS))
