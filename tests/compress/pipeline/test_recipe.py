"""Every message about a recipe names the file, the place and what is expected, in one line."""

from pathlib import Path

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.exports import FORMATS
from pocketbert.compress.pipeline.recipe import load_recipe


def broken(path: Path, old: str, new: str) -> str:
    """The message about a recipe with one change, without the file's name."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadInput) as complaint:
        load_recipe(path)
    file, _, said = str(complaint.value).partition(": ")
    assert file == str(path)
    assert "\n" not in said
    return said


TABLES = "name, seed, task, teacher, guard, stage, artifact, recorded"
TASK = "kind, dataset, config, max_length, text, text_pair, tokens, label, labels, splits, hold_out, limit, labelled"
KINDS = "finetune, prune-heads, prune-ffn, prune-width, prune-layers, prune-vocab, distill, sparsify"
DISTILL = "stage 2 (distill), line 18: "
STUDENT = 'student = { init = "teacher-layers", layers = 2 }'


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[task]", "[tusk]", f"tusk: unknown key, did you mean 'task'? (expected one of: {TABLES})"),
        ("[[stage]]", "[[stag]]", f"stag: unknown key, did you mean 'stage'? (expected one of: {TABLES})"),
        ("[[stage]]", "[[stages]]", f"stages: unknown key, did you mean 'stage'? (expected one of: {TABLES})"),
        ("seed = 3", "sede = 3", f"sede: unknown key, did you mean 'seed'? (expected one of: {TABLES})"),
        ("dataset =", "datset =", f"task.datset: unknown key, did you mean 'dataset'? (expected one of: {TASK})"),
        ("dataset =", "# dataset =", "task.dataset is missing; expected text in quotes"),
        ('name = "tiny"', "name = 5", "name = 5: expected text in quotes"),
        (
            'name = "tiny"',
            'name = "我的模型"',
            'name = "我的模型": it becomes a file name, so use ASCII letters, digits, . _ - (for example "my-model")',
        ),
        ("seed = 3", "seed = 20250101123456", "seed = 20250101123456: expected a whole number, 0 to 4294967295"),
        ("seed = 3", 'seed = "three"', 'seed = "three": expected a whole number, 0 to 4294967295'),
        ("max_length = 16", "max_length = 4", "task.max_length = 4: expected a whole number, 8 to 512"),
        ("max_length = 16", "max_length = 16.5", "task.max_length = 16.5: expected a whole number, 8 to 512"),
        (
            "[task]",
            "[task]\nsplits = { dev = 'train' }",
            "task.splits.dev: unknown key (expected one of: train, validation, test, unlabelled)",
        ),
        (
            "[task]",
            "[task]\nlimit = 600",
            "task.limit = 600: [task.limit] is a table; did you mean task.limit.train = 600?",
        ),
        (
            "[task]",
            "[task]\nlimit = { train = 0 }",
            "task.limit.train = 0: expected a whole number, more than 0",
        ),
        ("[task]", '[task]\nlabels = "neg"', 'task.labels = "neg": expected a list, each entry text in quotes'),
        ("[task]", '[task]\nlabels = ["neg", 1]', "task.labels entry 2 = 1: expected text in quotes"),
        ("epochs = 4", "epochs = -1", "teacher.epochs = -1: expected a whole number, 0 to 1000"),
        ("epochs = 4", "epochs = 10000", "teacher.epochs = 10000: expected a whole number, 0 to 1000"),
        ("batch_size = 16", "batch_size = 100000", "teacher.batch_size = 100000: expected a whole number, 1 to 65536"),
        (
            "batch_size = 16",
            "gradient_accumulation_steps = 70000",
            "teacher.gradient_accumulation_steps = 70000: expected a whole number, 1 to 65536",
        ),
        ("alpha = 0.5", "epochs = 1001", f"{DISTILL}epochs = 1001: expected a whole number, 1 to 1000"),
        ("alpha = 0.5", "temperature = 1e300", f"{DISTILL}temperature = 1e+300: expected a number, 0.01 to 1000"),
        (
            "alpha = 0.5",
            'align = [{ feature = "embedding", weight = 1e300 }]',
            f"{DISTILL}align entry 1: weight = 1e+300: expected a number, more than 0 and at most 1000000",
        ),
        (STUDENT, "student = { layers = 1000000 }", f"{DISTILL}student.layers = 1000000: expected 1 to 128"),
        (
            STUDENT,
            'student = { init = "random", layers = 2, hidden = 1000000 }',
            f"{DISTILL}student.hidden = 1000000: expected a whole number, 1 to 8192",
        ),
        ("learning_rate = 3e-3", "learning_rate = 0", "teacher.learning_rate = 0: expected a number, more than 0"),
        (
            "epochs = 4",
            'trust_remote_code = "maybe"',
            'teacher.trust_remote_code = "maybe": expected true or false',
        ),
        (
            "max_drop = 0.5",
            "max_drop = 5",
            'guard.max_drop = 5: this is a fraction (0.05 = 5 percentage points, or "5 pp"); allowed: 0 to 0.99',
        ),
        (
            "max_drop = 0.5",
            'max_drop = "5 percent"',
            'guard.max_drop = "5 percent": this is a fraction (0.05 = 5 percentage points, or "5 pp"); '
            "allowed: 0 to 0.99",
        ),
        (
            "max_drop = 0.5",
            'on_fail = "weekn"',
            'guard.on_fail = "weekn": expected one of "weaken", "rollback", "stop"',
        ),
        ("max_drop = 0.5", "tries = 21", "guard.tries = 21: expected a whole number, 1 to 20"),
        (
            "max_drop = 0.5",
            "confidence = 95",
            "guard.confidence = 95: expected a number, more than 0.5 and less than 1",
        ),
        (
            "max_drop",
            "maxdrop",
            "guard.maxdrop: unknown key, did you mean 'max_drop'? "
            "(expected one of: max_drop, confidence, on_fail, rows, tries)",
        ),
        ("[task]", "task.kind = 1\n[tusk]", f"tusk: unknown key, did you mean 'task'? (expected one of: {TABLES})"),
        ("[task]", '[task]\nkind = "taging"', "task.kind = \"taging\": unknown task, did you mean 'tagging'? "),
        (
            'kind = "distill"',
            'kind = "distil"',
            f"stage 2 (distil), line 18: unknown kind, did you mean 'distill'? (expected one of: {KINDS})",
        ),
        ('kind = "distill"', "", f"stage 2, line 18: kind is missing (expected one of: {KINDS})"),
        ("alpha = 0.5", "alpha = 2", f"{DISTILL}alpha = 2: expected a number, 0 to 1"),
        ("alpha =", "alpa =", f"{DISTILL}alpa: unknown key, did you mean 'alpha'? "),
        (STUDENT, "student = 4", f"{DISTILL}student = 4: [stage.student] is a table; did you mean student.layers = 4?"),
        (STUDENT, "", f"{DISTILL}student is missing; expected a table"),
        (
            STUDENT,
            "student = {}",
            f"{DISTILL}student: no size given; add layers = 4 (optionally hidden, heads, intermediate), "
            'or architecture = "tinybert"',
        ),
        (
            STUDENT,
            'student = { layers = "four" }',
            f'{DISTILL}student.layers = "four": expected a whole number or a list, each entry a whole number',
        ),
        (
            "alpha = 0.5",
            'align = [{ feature = "hiden" }]',
            f'{DISTILL}align entry 1: feature = "hiden": '
            'expected one of "embedding", "hidden", "attention", "relation"',
        ),
        ("alpha = 0.5", "align = {}", f"{DISTILL}align = {{}}: expected a list, each entry a table"),
        (
            "ratio = 0.25",
            "ratio = 25",
            "stage 1 (prune-heads), line 14: ratio = 25: expected a number, more than 0 and ",
        ),
        ("ratio = 0.25", "", "stage 1 (prune-heads), line 14: give exactly one of heads, ratio, target_macs"),
        ("ratio = 0.25", "heads = [0]", "stage 1 (prune-heads), line 14: heads = [0]: expected a table"),
        (
            "ratio = 0.25",
            "heads = { one = [0] }",
            "stage 1 (prune-heads), line 14: heads.one: unknown key; expected a whole number",
        ),
        (
            "ratio = 0.25",
            "heads = { 0 = 0 }",
            "stage 1 (prune-heads), line 14: heads.0 = 0: expected a list, each entry ",
        ),
        (
            'format = "onnx"',
            'format = "onx"',
            "artifact 2 (onx), line 26: format = \"onx\": unknown format, did you mean 'onnx'? "
            f"(expected one of: {', '.join(FORMATS)})",
        ),
        (
            'precision = "int8"',
            'precision = "int5"',
            'artifact 3 (onnx), line 28: precision = "int5": allowed for onnx: fp32, fp16, int8, int4',
        ),
        (
            'format = "onnx"',
            'format = "coreml"',
            'artifact 2 (coreml), line 26: precision = "fp32": allowed for coreml: fp16, int8, int4; '
            "formats with fp32: torch, onnx, ort, executorch, litert",
        ),
        ('precision = "int8"', 'precision = "fp32"', "artifact: onnx-fp32 is listed twice; remove one"),
        (
            'precision = "int8"',
            'precision = "int8"\nort = true\n[[artifact]]\nformat = "ort"\nprecision = "int8"',
            "artifact: ort-int8 is listed twice; remove one",
        ),
        (
            'format = "torch"',
            'format = "torch"\nort = true',
            'artifact 1 (torch), line 24: ort = true: allowed for format = "onnx", not "torch"; remove it',
        ),
        (
            'precision = "int8"',
            'precision = "fp16"\nort = true',
            "artifact 3 (onnx), line 28: ort = true: ONNX Runtime unpacks FP16 weights when it writes an .ort file; "
            "allowed: fp32, int8, int4",
        ),
        (
            'format = "onnx"\nprecision',
            'format = "onnx-qdq"\nprecision',
            "artifact 3 (onnx-qdq), line 28: lengths is missing: onnx-qdq takes texts of fixed lengths; name them, "
            "such as 32 and 128",
        ),
        (
            'format = "onnx"',
            'format = "litert"',
            "artifact 2 (litert), line 26: lengths is missing: litert takes texts of fixed lengths; name them, such as "
            "32 and 128",
        ),
        (
            'format = "onnx"',
            'format = "onnx"\nlengths = [32]',
            "artifact 2 (onnx), line 26: lengths = [32]: onnx takes texts of any length; remove it",
        ),
        (
            'format = "onnx"',
            'format = "litert"\nlengths = [128, 32]',
            "artifact 2 (litert), line 26: lengths = [128, 32]: expected in increasing order: [32, 128]",
        ),
        (
            'format = "onnx"',
            'format = "litert"\nlengths = [2, 32]',
            "artifact 2 (litert), line 26: lengths = [2, 32]: expected 3 tokens or more; two of them are special",
        ),
        (
            'format = "onnx"',
            'format = "litert"\nlengths = [0]',
            "artifact 2 (litert), line 26: lengths entry 1 = 0: expected a whole number, more than 0",
        ),
        (
            'format = "onnx"',
            'format = "litert"\nlengths = 32',
            "artifact 2 (litert), line 26: lengths = 32: expected a list, each entry a whole number",
        ),
        (
            'format = "onnx"',
            'format = "litert"\nlengths = [8, 12]',
            "artifact 2 (litert), line 26: lengths = [8, 12]: task.max_length is 16, and texts are not "
            "truncated; add a length of 16 or more, or lower task.max_length",
        ),
        ("[teacher]", "[teacher]\ngradient_accumulation_steps = 5", "teacher: batch_size "),
        ("alpha =", "gradient_accumulation_steps = 5\nalpha =", f"{DISTILL}batch_size "),
    ],
)
def test_messages(tiny_recipe: Path, old: str, new: str, said: str) -> None:
    """One message for every kind of mistake; a message of a table's own validator is only begun here."""
    found = broken(tiny_recipe, old, new)
    assert found == said or (said.endswith((" ", "target_macs")) and found.startswith(said))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("0.02", "[guard] is a table; did you mean guard.max_drop = 0.02?"),
        ('"stop"', '[guard] is a table; did you mean guard.on_fail = "stop"?'),
        ("true", "[guard] is a table"),
    ],
)
def test_a_value_in_place_of_a_table(tiny_recipe: Path, value: str, said: str) -> None:
    text = tiny_recipe.read_text(encoding="utf-8").replace("[guard]\nmax_drop = 0.5\n", "")
    tiny_recipe.write_text(f"guard = {value}\n{text}", encoding="utf-8")
    with pytest.raises(BadInput) as complaint:
        load_recipe(tiny_recipe)
    assert str(complaint.value) == f"{tiny_recipe}: guard = {value}: {said}"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[[stage]]", "[stage]", "line 14: write every stage as [[stage]] (double brackets)"),
        ("[[artifact]]", "[artifact] # one", "line 24: write every artifact as [[artifact]] (double brackets)"),
        ("seed = 3", "seed = three", "not TOML at line 3: seed = three; "),
        ("seed = 3", "seed = 3\nseed = 4", "not TOML at line 4: seed = 4; "),
        ("[guard]", "[teacher]", "not TOML at line 12: [teacher]; "),
        ('precision = "int8"\n', "precision =", "not TOML at the end; "),
        ("[task]", "stage = 3\n[task]", "not TOML at line 15: [[stage]]; "),
    ],
)
def test_a_file_that_is_not_toml(tiny_recipe: Path, old: str, new: str, said: str) -> None:
    expected = "expected key = value, text in quotes, no key or table twice" if said.endswith("; ") else ""
    assert broken(tiny_recipe, old, new) == said + expected


def test_a_line_is_named_only_when_it_is_known(tiny_recipe: Path) -> None:
    """A stage that came with --set stands in no line of the file."""
    assert broken(tiny_recipe, "alpha = 0.5", "alpha = 7").startswith("stage 2 (distill), line 18: alpha = 7: ")
    with pytest.raises(BadInput, match=r": stage 1 \(finetune\): epochs = 0: "):
        load_recipe(tiny_recipe, {"stage": '[{ kind = "finetune", epochs = 0 }]'})


SPARSIFY = '[[stage]]\nkind = "sparsify"\namount = 0.5\n'


@pytest.mark.parametrize(
    ("stage", "kind"),
    [
        ('kind = "distill"\nstudent = { init = "current" }', "distill"),
        ('kind = "finetune"', "finetune"),
        ('kind = "prune-heads"\nratio = 0.5\nrecover = {}', "prune-heads"),
        ('kind = "prune-vocab"', "prune-vocab"),
    ],
)
def test_nothing_else_comes_after_zeros(tiny_recipe: Path, stage: str, kind: str) -> None:
    new = f'{SPARSIFY}[[stage]]\n{stage}\n[[artifact]]\nformat = "torch"'
    said = broken(tiny_recipe, '[[artifact]]\nformat = "torch"', new)
    assert said.startswith(f"stage 4 ({kind}), line 27 comes after sparsify; move it before")


def test_more_zeros_may_follow_zeros(tiny_recipe: Path) -> None:
    again = '[[stage]]\nkind = "sparsify"\namount = 0.7\nrecover = {}\n'
    text = tiny_recipe.read_text(encoding="utf-8")
    tiny_recipe.write_text(text.replace("[[artifact]]", f"{SPARSIFY}{again}[[artifact]]", 1), encoding="utf-8")
    assert [stage.kind for stage in load_recipe(tiny_recipe).stages][2:] == ["sparsify", "sparsify"]


def test_a_byte_order_mark_is_passed_over(tiny_recipe: Path) -> None:
    expected = load_recipe(tiny_recipe)
    tiny_recipe.write_text(tiny_recipe.read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert load_recipe(tiny_recipe) == expected


def test_no_file_and_another_encoding(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such recipe"):
        load_recipe(tmp_path / "none.toml")
    path = tmp_path / "bad.toml"
    path.write_bytes("name = '模型'".encode("gbk"))
    with pytest.raises(BadInput, match="not UTF-8; save the file in that encoding"):
        load_recipe(path)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("[" * 100_000, "not TOML: lists or tables are nested too deeply"),
        ("7" * 5000, "not TOML: a whole number has thousands of digits"),
        ("0x" + "f" * 5000, "task.max_length: a whole number of more than 64 bits"),
        ("100000000000000000000", "task.max_length: a whole number of more than 64 bits"),
        ("1e30", "task.max_length = 1e+30: expected a whole number, 8 to 512"),
        ("nan", "task.max_length = NaN: expected a whole number, 8 to 512"),
        ('"\\u001b[31m"', 'task.max_length = "\\u001b[31m": expected a whole number, 8 to 512'),
    ],
    ids=["deep", "digits", "hexadecimal", "64 bits", "1e30", "nan", "escape"],
)
def test_a_value_that_no_recipe_has_is_one_line(tiny_recipe: Path, value: str, said: str) -> None:
    assert broken(tiny_recipe, "max_length = 16", f"max_length = {value}") == said


@pytest.mark.parametrize(
    ("teacher", "stage", "chosen"),
    [
        ("2", '{ kind = "prune-vocab" }', True),
        ("1", '{ kind = "prune-vocab" }', False),
        ("0", '{ kind = "prune-heads", ratio = 0.5, recover = { epochs = 1 } }', False),
        ("0", '{ kind = "prune-heads", ratio = 0.5, recover = { epochs = 2 } }', True),
        ("1", '{ kind = "finetune", epochs = 2 }', True),
    ],
)
def test_only_of_several_epochs_one_is_chosen(tiny_recipe: Path, teacher: str, stage: str, chosen: bool) -> None:
    assert load_recipe(tiny_recipe, {"teacher.epochs": teacher, "stage": f"[{stage}]"}).chooses_epochs == chosen
