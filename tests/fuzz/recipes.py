"""Recipes: right ones from the grammar, and ones with a few keys, values, tables or bytes that are wrong."""

from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st

from pocketbert.compress.data.settings import TaskTable
from pocketbert.compress.exports import FORMATS
from pocketbert.compress.pipeline.recipe import ArtifactTable, GuardTable, Recipe, RecordedTable, load_recipe
from pocketbert.compress.stages import stage_kinds, stage_module
from pocketbert.compress.training.settings import TeacherTable
from tests.fuzz.damage import DEEP, ODD_FILES, PICKS, TEXTS, damaged, odd_file
from tests.fuzz.grammar import DATA, MODEL, PAIRS, TAGGER, TAGS, right_texts
from tests.fuzz.harness import Kind
from tests.fuzz.plan import Plan
from tests.support.datasets import write
from tests.support.models import LABELS, write_tiny_data, write_tiny_model

_BASE: list[tuple[str, dict[str, str]]] = [
    ("", {"name": '"tiny"', "seed": "3"}),
    ("[task]", {"dataset": '"{data}"', "max_length": "16", "labels": '["neg", "pos"]'}),
    ("[teacher]", {"model": '"{model}"', "epochs": "1", "learning_rate": "3e-3", "batch_size": "16"}),
    ("[guard]", {"max_drop": "0.5", "on_fail": '"weaken"'}),
    ("[[stage]]", {"kind": '"prune-heads"', "ratio": "0.25"}),
    ("[[stage]]", {"kind": '"distill"', "student": '{ init = "teacher-layers", layers = 2 }', "alpha": "0.5"}),
    ("[[artifact]]", {"format": '"onnx"'}),
    ("[[artifact]]", {"format": '"onnx"', "precision": '"int8"'}),
]
_MODELS: dict[str, Any] = {
    "": Recipe,
    "[task]": TaskTable,
    "[teacher]": TeacherTable,
    "[guard]": GuardTable,
    "[[artifact]]": ArtifactTable,
    "[[recorded]]": RecordedTable,
}
_KEYS = {header: list(model.model_fields) for header, model in _MODELS.items()} | {
    "[[stage]]": sorted({key for kind in stage_kinds() for key in stage_module(kind).Parameters.model_fields})
}
_RAW = (
    *("0", "-1", "1", "1e30", "-1e30", "1e400", "inf", "-inf", "nan", "0.0", "1.5", "true", "''", "[]", "{}", "[[]]"),
    *("7" * 5000, "0x" + "f" * 5000, "0." + "1" * 5000, "1979-05-27T07:32:00Z", "07:32:00", "2**3", "1_000", "+1"),
    *("[" * DEEP, "[" * 900 + "]" * 900, "[" * DEEP + "]" * DEEP, "{ a = " * 2000 + "1" + " }" * 2000, '"""a\nb"""'),
    *("{ a = 1 }", '[{ kind = "distill" }]', '["a", 1, [2]]', '{ train = "train[:50%]" }', "{ train = 1e30 }"),
    *(
        "[1, 2, nan]",
        "{ test = 0 }",
        '{ test = "train[:1e9]" }',
        '{ nothing = "train" }',
        '"train[99999999999999999999:]"',
    ),
    *(f'"{kind}"' for kind in ("classification", "matching", "tagging", *stage_kinds(), *FORMATS, "int8", "fp16")),
    *(
        '"\\u0000"',
        '"\\u001b[31m"',
        '"\\U0010ffff"',
        '"a\\nb"',
        '"{folder}/fifo"',
        '"{folder}/loop"',
        '"{folder}/giant"',
    ),
    *('"{folder}/folder"', '"{folder}/device"', '"/"', '"/proc/self/mem"'),
)


def _quoted(text: str) -> str:
    """Write a text as TOML's basic string; halves of characters have no form in it."""
    escaped = "".join(f"\\u{ord(c):04x}" if ord(c) < 32 or c in '"\\' else c for c in text)
    return f'"{escaped}"'.encode("utf-8", "replace").decode()


_RIGHT = (
    "1",
    "2",
    "16",
    "0.5",
    "0.25",
    "1e-3",
    '"text"',
    '"label"',
    '"pos"',
    '["pos", "neg"]',
    "true",
    "false",
    '"fp32"',
)
VALUES = st.one_of(
    st.sampled_from(_RAW),
    st.sampled_from(_RIGHT),
    st.sampled_from(TEXTS).map(_quoted),
    st.integers().map(str),
    st.floats().map(str),
    st.text(max_size=6).map(_quoted),
)


class Written(NamedTuple):
    """The bytes of a recipe, and the settings on the command line."""

    content: bytes
    overrides: dict[str, str]
    odd: str = ""  # one of `ODD_FILES` in its place


@st.composite
def _texts(draw: st.DrawFn) -> str:
    tables = [(header, dict(keys)) for header, keys in _BASE]
    for _ in range(draw(st.sampled_from((1, 1, 1, 2, 3)))):
        pick = draw(PICKS)
        at = pick.randrange(len(tables))
        header, keys = tables[at]
        known = _KEYS.get(header, ["kind"])
        match draw(
            st.sampled_from(("value", "value", "value", "value", "delete", "key", "kind", "table", "again", "header"))
        ):
            case "value":
                keys[pick.choice(known)] = draw(VALUES)
            case "delete" if keys:
                del keys[draw(st.sampled_from(list(keys)))]
            case "key":
                key = draw(
                    st.sampled_from(("zzz", "a.b.c", '""', '"\\u0000"', ".".join("a" * 3000), "stage", "max_lenght"))
                )
                keys[key] = draw(VALUES)
            case "kind" if header == "[[stage]]":
                keys["kind"] = _quoted(draw(st.sampled_from(list(stage_kinds()))))
            case "table" if len(tables) > 1:
                del tables[at]
            case "again":
                tables.append((header, dict(keys)))
            case _:
                odd = (
                    "[task]",
                    "[[task]]",
                    "[stage]",
                    "[[guard]]",
                    "[a.b]",
                    "[stage.x]",
                    "[[stage.x]]",
                    "[",
                    "[[artifact]]",
                )
                tables[at] = (draw(st.sampled_from(odd)), keys)
    lines = [line for header, keys in tables for line in (header, *(f"{key} = {value}" for key, value in keys.items()))]
    return "\n".join(lines) + "\n"


@st.composite
def _settings(draw: st.DrawFn) -> dict[str, str]:
    """Draw what ``--set`` may be given."""
    if draw(st.integers(0, 3)):
        return {}
    keys = (
        "guard.max_drop",
        "task",
        "task.max_length",
        "stage.0",
        "stage.0.ratio",
        "stage.x",
        "stage.-1.ratio",
        "a.b.c",
    )
    odd = (
        "",
        ".",
        "..",
        "stage." + "9" * 5000,
        "stage.99",
        "name.x",
        ".".join("a" * 3000),
        "task.labels.0",
        "artifact.0.format",
    )
    key = draw(st.sampled_from((*keys, *odd)))
    return {key: draw(VALUES | st.sampled_from(TEXTS) | st.just("a = 1\nb"))}


_LEGAL_SETTINGS = {
    "guard.max_drop": ("0.5", "0", "5e-324"),
    "teacher.learning_rate": ("1e-3", "1"),
    "task.max_length": ("8", "64"),
    "stage.0.ratio": ("0.5", "1e-9"),
    "artifact.0.precision": ("fp32", '"int8"'),
    "seed": ("0x10", "1_000"),
    "name": ("b", '"c"'),
}


@st.composite
def _recipes(draw: st.DrawFn) -> Written:
    chance = draw(st.integers(0, 19))
    if chance < 9:
        content = draw(right_texts()).encode()
        if not chance:
            content = draw(damaged(content))
        key = draw(st.sampled_from((*_LEGAL_SETTINGS, *("",) * 20)))
        return Written(content, {key: draw(st.sampled_from(_LEGAL_SETTINGS[key]))} if key else {})
    odd = draw(st.sampled_from(("",) * 60 + ODD_FILES))
    content = draw(_texts()).encode("utf-8", "surrogatepass")
    if not draw(st.integers(0, 5)):
        content = draw(damaged(content))
    return Written(content, draw(_settings()), odd)


def recipes(folder: Path) -> Kind:
    """Recipes: each is loaded, and what a build does with it is done up to the first training."""
    model = write_tiny_model(folder / "right-model", num_hidden_layers=2, max_position_embeddings=512)
    places = {
        MODEL: model,
        TAGGER: _tagger(model, folder / "tagger"),
        DATA: write_tiny_data(folder / "right-data", rows=12),
        PAIRS: _pairs(folder / "pairs"),
        TAGS: _tags(folder / "tags"),
        "{folder}": folder,
    }
    for name in ("fifo", "loop", "giant", "folder", "device"):
        odd_file(folder, name, "")

    def read(written: Written) -> Recipe:
        path = folder / "recipe.toml"
        content, settings = written.content, dict(written.overrides)
        for mark, place in places.items():
            content = content.replace(mark.encode(), str(place).encode())
            settings = {key: value.replace(mark, str(place)) for key, value in settings.items()}
        path.write_bytes(content)
        return load_recipe(odd_file(folder, written.odd, ".toml") if written.odd else path, settings)

    work = folder / "work"
    work.mkdir()
    return Kind(2400, _recipes(), read, Plan(work), home=folder)


def _tagger(model: Path, folder: Path) -> Path:
    from transformers import AutoTokenizer, BertConfig, BertForTokenClassification

    config = BertConfig.from_pretrained(model, num_labels=3)
    config.id2label = dict(enumerate(("O", "B-NAME", "I-NAME")))
    config.label2id = {label: number for number, label in config.id2label.items()}
    BertForTokenClassification(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(model).save_pretrained(folder)
    return folder


def _pairs(folder: Path) -> Path:
    rows = [{"text": f"好书{'店' * n}", "text_pair": f"差{'房' * n}", "label": LABELS[n % 2]} for n in range(12)]
    return write(folder, train=rows, validation=rows[:6], test=rows[6:])


def _tags(folder: Path) -> Path:
    rows = [{"tokens": list("书好棒" + "店" * n), "label": ["O", "B-NAME", "I-NAME", *["O"] * n]} for n in range(12)]
    return write(folder, train=rows, validation=rows[:6], test=rows[6:])
