"""Cells of CSV files that people open in a spreadsheet: no formulas on the way out, and the same text on the way in."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
_FORMULA = (
    *"=+-@\t\r\n",
    *"\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}",
)


def csv_line(values: Sequence[Any]) -> str:
    """One line of CSV as Excel in Polish opens it: semicolons between, quotes where needed."""
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerow(values)
    return text.getvalue()


def harmless(value: Any) -> str:
    """``value`` as text that a spreadsheet does not take for a formula (OWASP, CSV injection).

    What looks as if it was made so is marked too: ``meant`` gives every text back.
    """
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip("'").startswith(_FORMULA) and not _is_number(text) else text


def meant(cell: str) -> str:
    """The text of a cell that ``harmless`` wrote, or of any other, without the spaces around it."""
    text = cell.strip()
    return text[1:] if text[:1] == "'" and text.lstrip("'").startswith(_FORMULA) else text


def _is_number(text: str) -> bool:
    return text.lstrip("+-").replace(".", "", 1).replace(",", "", 1).isdecimal()
