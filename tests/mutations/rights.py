"""Every question of rights in the panel's packages, written so that each can be taken out alone while tests run.

The edges are left out: what their routes declare is compared with the matrix's table.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.checks.files import ROOT

ASKING = {"require", "require_on", "require_kind", "require_agreed"}
NARROWING = {"scoped"}
TELLING = {"reaches", "may", "may_everywhere", "covers"}
LEFT_OUT = ("panel/web/", "panel/api/", "panel/cli/", "panel/kernel/access.py")
_FIRST = "from __future__ import annotations\n"


@dataclass(frozen=True)
class Question:
    """A call in ``path`` between two places of its bytes; ``without`` is what stands there when it is taken out."""

    path: str
    line: int
    text: str
    begin: int
    end: int
    without: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.begin} {' '.join(self.text.split())}"


def questions() -> Iterator[Question]:
    """Each ``require…(…)``, which may be nothing, each ``scoped(…)``, the query it narrows, each ``.may(…)``, True."""
    for file in sorted((ROOT / "panel").rglob("*.py")):
        path = str(file.relative_to(ROOT))
        if not path.startswith(LEFT_OUT):
            yield from _of_file(path, file.read_text())


def put_switches(folder: Path) -> None:
    """Write the files of the tree in ``folder`` so that ``tests.mutations.asked`` decides which question is asked."""
    by_path: dict[str, list[Question]] = {}
    for question in questions():
        by_path.setdefault(question.path, []).append(question)
    for path, found in by_path.items():
        text = switched((folder / path).read_bytes(), found)
        (folder / path).unlink()
        (folder / path).write_bytes(text)


def switched(text: bytes, found: list[Question]) -> bytes:
    """``text`` with a switch around each question in it; one may lie within another."""
    marks: list[tuple[int, int, bytes]] = []
    for one in found:
        marks.append((one.begin, 1, f"_cis_asked({str(one)!r}, lambda: ".encode()))
        marks.append((one.end, 0, f", lambda: {one.without})".encode()))
    parts, last = [], 0
    for place, _order, mark in sorted(marks):
        parts += [text[last:place], mark]
        last = place
    whole = b"".join([*parts, text[last:]])
    return whole.replace(
        _FIRST.encode(), f"{_FIRST}\nfrom tests.mutations.asked import asked as _cis_asked\n".encode(), 1
    )


def _of_file(path: str, text: str) -> Iterator[Question]:
    starts = [0]
    for line in text.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node in ast.walk(ast.parse(text)):
        without = _without(node, text) if isinstance(node, ast.Call) else None
        if isinstance(node, ast.Call) and without is not None:
            begin = starts[node.lineno - 1] + node.col_offset
            end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
            yield Question(path, node.lineno, ast.get_source_segment(text, node) or "", begin, end, without)


def _without(call: ast.Call, text: str) -> str | None:
    """What stands for a call that is taken out; None for a call that asks for no right."""
    if isinstance(call.func, ast.Name) and call.func.id in ASKING:
        return "None"
    if isinstance(call.func, ast.Name) and call.func.id in NARROWING and len(call.args) == 4:
        return ast.get_source_segment(text, call.args[2])
    return "True" if isinstance(call.func, ast.Attribute) and call.func.attr in TELLING else None
