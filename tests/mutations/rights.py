"""Every call by which an action asks for a right on a row, taken out one at a time: the matrix must miss each.

What an action asks of the person alone (``require(actor, "x:write", staff=True)``) the edge in front of it asks as
well, from the route's declaration, which the matrix compares with its table: two locks, of which either one holds.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.checks.files import ROOT

ASKING = {"require", "require_on"}
NARROWING = {"scoped"}
FOLDERS = ("panel/members", "panel/contracts", "panel/mail", "panel/ledger", "panel/identity")


@dataclass(frozen=True)
class Dropped:
    """A call in ``path`` at ``line``, and the file's text without it."""

    path: str
    line: int
    text: str
    mutated: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.text}"


def dropped_calls() -> Iterator[Dropped]:
    """Each ``require…(…)`` that stands alone replaced by ``pass``, each ``scoped(…)`` by the query it narrows."""
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).glob("*.py")):
            yield from _of_file(file)


def _of_file(file: Path) -> Iterator[Dropped]:
    text = file.read_text()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and _is_call_of(node.value, ASKING, 3):
            yield _dropped(file, text, node, "pass")
        elif isinstance(node, ast.Call) and _is_call_of(node, NARROWING, 4):
            yield _dropped(file, text, node, ast.get_source_segment(text, node.args[2]) or "")


def _is_call_of(node: ast.expr, names: set[str], arguments: int) -> bool:
    """Whether it is a call of one of ``names`` with so many arguments: the last one says whose row it is."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return False
    return node.func.id in names and len(node.args) == arguments


def _dropped(file: Path, text: str, node: ast.Expr | ast.Call, instead: str) -> Dropped:
    here = ast.get_source_segment(text, node) or ""
    starts = [0]
    for line in text.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    begin = starts[node.lineno - 1] + node.col_offset
    end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
    mutated = (text.encode()[:begin] + instead.encode() + text.encode()[end:]).decode()
    return Dropped(str(file.relative_to(ROOT)), node.lineno, here, mutated)
