"""Rows of one file that ask for the same: nobody knows which one is right, so neither is taken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from panel.imports.importer import Row, Verdict
from panel.kernel.errors import Conflict


def mark_doubles(rows: Sequence[Row], verdicts: Sequence[Verdict]) -> None:
    """Give all rows that share an identity an error that names the first line and one other."""
    lines: dict[str, list[int]] = defaultdict(list)
    for row, verdict in zip(rows, verdicts, strict=True):
        for name in verdict.identity:
            lines[name].append(row.line)
    for row, verdict in zip(rows, verdicts, strict=True):
        same = next((lines[name] for name in verdict.identity if len(lines[name]) > 1), None)
        if same is not None:
            other = row.line if row.line != same[0] else same[1]
            verdict.errors.append(Conflict("import_double", first=same[0], second=other))
