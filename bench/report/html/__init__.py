"""`reports/<recipe>.html`: one page with everything in it, which works from the disk and loads nothing.

`page/` has the template, the style and the scripts, one per section. The data is inline JSON, out of which the scripts
make text nodes only; the page's policy allows no script but its own.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from string import Template

from pocketbert.bench.records.history import Record
from pocketbert.bench.records.results import Results
from pocketbert.bench.report.html.data import view
from pocketbert.compress.base.errors import printable

SCRIPTS = (
    "core", "table", "checks", "forest", "latency", "accuracy", "size", "memory", "build", "history", "why", "main",
)  # fmt: skip
"""The scripts, in the order in which they run."""


def compose(results: Results, records: Sequence[Record]) -> str:
    """Return the page of the results and of the runs before."""
    folder = files(__name__) / "page"
    scripts = [(folder / "scripts" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    script = "\n".join(['"use strict";', *scripts])
    style = (folder / "page.css").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )
    return Template((folder / "page.html").read_text(encoding="utf-8")).substitute(
        policy=policy,
        title=escape(printable(f"pocketbert report: {results.recipe}")),
        style=style,
        data=inline(view(results, records)),
        script=script,
    )


def inline(value: object) -> str:
    """Return JSON that ends no script element and holds no markup, whatever its texts are."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
