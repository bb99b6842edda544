"""Files of things to ask for in bulk: CSV for people, JSON as the API takes it for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection
from typing import Any

from panel.kernel.errors import Invalid


def read_rows(
    content: bytes, *, of: str, columns: Collection[str], numbers: Collection[str] = ()
) -> list[dict[str, Any]]:
    """The rows of a file in UTF-8; JSON is a list of objects, or one object with it at ``of``.

    Empty cells of CSV are left out, digits in the columns ``numbers`` are numbers.
    Raises Invalid: ``import_table`` for what is neither, ``unknown_field`` with the row for a name not in ``columns``.
    """
    try:
        text = content.decode("utf-8-sig")
        rows = _json_rows(text, of) if text.lstrip()[:1] in ("{", "[") else _csv_rows(text, numbers)
    except (ValueError, csv.Error, RecursionError):
        raise Invalid("import_table", field="file") from None
    for place, row in enumerate(rows):
        for name in row:
            if name not in columns:
                raise Invalid("unknown_field", field=str(name), row=place)
    return rows


def _json_rows(text: str, of: str) -> list[dict[str, Any]]:
    found = json.loads(text)
    rows = found.get(of) if isinstance(found, dict) else found
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("a list of objects is expected")
    return rows


def _csv_rows(text: str, numbers: Collection[str]) -> list[dict[str, Any]]:
    rows = [
        {name: value for name, value in row.items() if value not in (None, "")}
        for row in csv.DictReader(io.StringIO(text, newline=""), strict=True)
    ]
    for row in rows:
        row |= {name: int(row[name]) for name in numbers if row.get(name, "").isascii() and row.get(name, "").isdigit()}
    return rows
