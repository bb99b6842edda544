"""From the bytes of a file to a table: headings, and rows with the lines on which they stand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from panel.imports.sheets import is_workbook, letters_of, read_sheet, require_readable
from panel.imports.text import decode, read_lines
from panel.kernel.errors import Invalid
from panel.kernel.spreadsheets import meant
from panel.kernel.text import fold

COLUMNS_MAX, CELL_MAX, CELLS_MAX = 200, 4_000, 2_000_000
_HEADER_WITHIN = 10
"""Titles and remarks may stand above the headings, but no more than these rows."""

Line = tuple[int, list[str]]


@dataclass(frozen=True, kw_only=True)
class Table:
    """``columns``: headings, each another; ``rows``: line and as many cells as there are headings."""

    columns: list[str]
    rows: list[Line]


def read_table(content: bytes, *, known: Collection[str], rows_most: int, bytes_most: int) -> Table:
    """Read CSV or XLSX, told apart by their first bytes, whatever the file is called.

    ``known``: folded headings by which the row of headings is found; a file without one gets the columns A, B, C….
    Raises Invalid for ``file``, naming the ``row`` where there is one.
    """
    if len(content) > bytes_most:
        raise Invalid("file_large", field="file", most=bytes_most // 1_000_000)
    require_readable(content)
    source = read_sheet(content, columns_most=COLUMNS_MAX) if is_workbook(content) else read_lines(decode(content))
    lines = _filled(source)
    above = list(islice(lines, _HEADER_WITHIN))
    if not above:
        raise Invalid("import_empty", field="file")
    place = _header_place(above, known)
    rows = [] if place is None else above[place + 1 :]
    rows = above if place is None else rows
    rows += islice(lines, max(rows_most + 1 - len(rows), 0))
    if len(rows) > rows_most:
        raise Invalid("import_rows_many", field="file", most=rows_most)
    return _table([] if place is None else above[place][1], rows)


def plain(heading: str) -> str:
    """A heading without case, marks and punctuation: "Adres e-mail (służbowy)" is "adres e mail sluzbowy"."""
    return " ".join("".join(char if char.isalnum() else " " for char in fold(heading)).split())


def _filled(lines: Iterable[Line]) -> Iterator[Line]:
    """The rows that hold anything, cells as they are meant. Raises Invalid for what no table of people holds."""
    widest = 0
    for count, (line, values) in enumerate(lines):
        if widest * count > CELLS_MAX:
            raise Invalid("import_cells_many", field="file", most=CELLS_MAX)
        cells = [meant(value) for value in values]
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            continue
        if len(cells) > COLUMNS_MAX:
            raise Invalid("import_columns_many", field="file", most=COLUMNS_MAX, row=line)
        if max(map(len, cells)) > CELL_MAX:
            raise Invalid("import_cell_long", field="file", most=CELL_MAX, row=line)
        widest = max(widest, len(cells))
        yield line, cells


def _header_place(above: list[Line], known: Collection[str]) -> int | None:
    """Where the headings stand: the row with most headings that are known; None where no row looks like one."""
    hits = [sum(plain(cell) in known for cell in cells) for _line, cells in above]
    best = max(range(len(above)), key=lambda place: hits[place])
    if hits[best]:
        return best
    looks_like_data = any("@" in cell or cell.isdecimal() for cell in above[0][1])
    return None if looks_like_data else 0


def _table(header: list[str], rows: list[Line]) -> Table:
    width = max([len(header), *(len(cells) for _line, cells in rows)])
    padded = [(line, cells + [""] * (width - len(cells))) for line, cells in rows]
    header = header + [""] * (width - len(header))
    used = [place for place in range(width) if header[place] or any(cells[place] for _line, cells in padded)]
    named = [header[place] or letters_of(place) for place in used]
    if len(used) == width:
        return Table(columns=_distinct(named), rows=padded)
    return Table(columns=_distinct(named), rows=[(line, [cells[place] for place in used]) for line, cells in padded])


def _distinct(names: list[str]) -> list[str]:
    """The same names, numbered where one stands twice; a heading in several lines is one line."""
    found: list[str] = []
    for name in (" ".join(name.split())[:100] for name in names):
        number, one = 2, name
        while one in found:
            one, number = f"{name} ({number})", number + 1
        found.append(one)
    return found
