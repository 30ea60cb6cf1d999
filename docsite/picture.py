"""`python -m docsite.picture`: draws the picture of the README from reports/offline.json, in English and Chinese."""

from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

from pocketbert.bench.records.results import Measured, Results, load_results

_REPO = Path(__file__).parents[1]
_RESULTS, _FOLDER = _REPO / "reports/offline.json", _REPO / "docs/images"
_STUDENT, _PROFILE, _LENGTH = "student-int4.onnx", "mobile-1t", "128"
_PANEL, _BAR, _TOP, _HEIGHT = 200, 150, 64, 160
_STYLE = """
    text { font: 14px system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif; fill: #1f2328 }
    .message { font-size: 17px; font-weight: 600 }
    .name { font-weight: 600 }
    .teacher { fill: #8c959f }
    .student { fill: #0969da }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .teacher { fill: #6e7681 }
      .student { fill: #4493f8 }
    }
"""


class Words(NamedTuple):
    """The words of one language; `message` has a place for each ratio and for the change of accuracy, `percent` for a
    number.
    """

    message: str
    percent: str
    panels: tuple[str, str, str, str]
    legend: str


ENGLISH = Words(
    "INT4 student: {faster:.1f}× faster, {smaller:.1f}× smaller, accuracy {change:+.1f} pp",
    "{:.1f} %",
    ("latency P50, 1 thread", "size on disk", "memory of the model", "accuracy, test set"),
    "above: teacher, 12 layers, PyTorch FP32; below: student, 4 layers, ONNX INT4. Review sentiment, 128 tokens",
)
CHINESE = Words(
    "INT4 学生模型：速度 {faster:.1f} 倍，体积 1/{smaller:.1f}，准确率 {change:+.1f} 个百分点",
    "{:.1f}%",
    ("延迟 P50，单线程", "磁盘占用", "模型自身内存占用", "准确率（测试集）"),
    "上：教师模型，12 层，PyTorch FP32；下：学生模型，4 层，ONNX INT4。评论情感分类，128 个 token",
)


def draw(results: Results, words: Words) -> str:
    """Return the picture as SVG: four panels, each with the teacher's bar above the student's."""
    teacher, student = (_figures(results.artifact(name)) for name in (results.reference, _STUDENT))
    entry = next(e for e in results.artifact(_STUDENT).latency if (e.profile, e.length) == (_PROFILE, _LENGTH))
    student = (
        teacher[0] * entry.ratio.estimate,
        *student[1:],
    )  # as the report's first lines: by the ratio of the turns
    message = words.message.format(
        faster=1 / entry.ratio.estimate, smaller=teacher[1] / student[1], change=100 * (student[3] - teacher[3])
    )
    message = message.replace("-", "−")
    lines = [f'<text class="message" x="0" y="20">{escape(message)}</text>']
    for panel, (name, before, now) in enumerate(zip(words.panels, teacher, student, strict=True)):
        x = panel * _PANEL
        lines.append(f'<text class="name" x="{x}" y="{_TOP - 10}">{escape(name)}</text>')
        for row, (value, kind) in enumerate(((before, "teacher"), (now, "student"))):
            width = _BAR * value / max(before, now)
            y = _TOP + 40 * row
            lines.append(f'<rect class="{kind}" x="{x}" y="{y}" width="{width:.1f}" height="14" rx="2"/>')
            lines.append(f'<text x="{x}" y="{y + 29}">{_shown(panel, value, words)}</text>')
    lines.append(f'<text x="0" y="{_HEIGHT - 2}" opacity="0.75" style="font-size:12px">{escape(words.legend)}</text>')
    size = f'width="{4 * _PANEL}" height="{_HEIGHT}" viewBox="0 0 {4 * _PANEL} {_HEIGHT}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title desc">'
    about = f'<title id="title">{escape(message)}</title><desc id="desc">{escape(words.legend)}</desc>'
    return "\n  ".join([head, about, f"<style>{_STYLE}  </style>", *lines]) + "\n</svg>\n"


def _figures(measured: Measured) -> tuple[float, float, float, float]:
    """Return latency in ms, size in MB, memory in MiB, and accuracy as a fraction."""
    [latency] = [e.p50_ms for e in measured.latency if (e.profile, e.length) == (_PROFILE, _LENGTH)]
    if measured.size is None or measured.memory is None or measured.accuracy is None:
        raise ValueError(f"{measured.id} was not measured completely")
    return latency, measured.size.bytes / 1e6, measured.memory.own_mib, measured.accuracy.value


def _shown(panel: int, value: float, words: Words) -> str:
    if panel == 3:
        return words.percent.format(100 * value)
    return f"{value:.3g} {('ms', 'MB', 'MiB')[panel]}"


def main() -> None:
    """Write both pictures."""
    results = load_results(_RESULTS)
    for name, words in PICTURES.items():
        (_FOLDER / name).write_text(draw(results, words), encoding="utf-8")


PICTURES = {"teacher-and-student.svg": ENGLISH, "teacher-and-student.zh.svg": CHINESE}
"""Name of a picture in docs/images -> its words."""

if __name__ == "__main__":
    main()
