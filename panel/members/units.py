"""Reading a file of units of local government, in the columns of the register TERC."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from panel.kernel.errors import Invalid
from panel.kernel.text import has_control, slugify

COLUMNS = ("teryt", "name", "kind", "powiat", "voivodeship")
VOIVODESHIP, COUNTY, CITY_COUNTY = "wojewodztwo", "powiat", "miasto_na_prawach_powiatu"
COMMUNES = {"gmina_miejska": "1", "gmina_wiejska": "2", "gmina_miejsko_wiejska": "3"}
"""Kinds of communes with the seventh digit TERC gives them."""

FILE_BYTES_MAX = 10_000_000
_DIGITS = {VOIVODESHIP: 2, COUNTY: 4, CITY_COUNTY: 4} | dict.fromkeys(COMMUNES, 7)


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One row. ``key`` is what stays the same for life: county four digits, commune six."""

    line: int
    key: str
    name: str
    kind: str
    county: str
    voivodeship: str


@dataclass(frozen=True, kw_only=True)
class BadRow:
    """A row that cannot be taken. ``error.field`` is the column; its text says how to put it right."""

    line: int
    value: str
    error: Invalid


@dataclass(kw_only=True)
class UnitsFile:
    """What a file holds: members (cities with county rights once), voivodeships by code, and bad rows."""

    units: list[Unit] = field(default_factory=list)
    city_counties: dict[str, Unit] = field(default_factory=dict)
    voivodeships: dict[str, Unit] = field(default_factory=dict)
    bad: list[BadRow] = field(default_factory=list)

    def refuse(self, line: int, column: str, value: str, code: str, **params: Any) -> None:
        """Note that the row at ``line`` cannot be taken because of ``value`` in ``column``."""
        self.bad.append(
            BadRow(line=line, value=value, error=Invalid(code, field=column, row=line, value=value, **params))
        )


def read_units(content: bytes) -> UnitsFile:
    """Read a file in UTF-8 with the header ``teryt,name,kind,powiat,voivodeship``; order of columns is free.

    Bad rows are collected, not raised. Raises Invalid for ``file`` where it cannot be read as a table at all.
    """
    file = UnitsFile()
    lines: dict[str, int] = {}
    for line, row in _rows(content):
        bad = len(file.bad)
        unit = _read_row(file, line, row)
        if unit is None or len(file.bad) > bad:
            continue
        if unit.key in lines:
            file.refuse(line, "teryt", row["teryt"], "import_twice", first=lines[unit.key])
            continue
        lines[unit.key] = line
        _place(file, unit)
    return file


def _rows(content: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    if len(content) > FILE_BYTES_MAX:
        raise Invalid("file_large", field="file", most=FILE_BYTES_MAX // 1_000_000)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid("import_encoding", field="file", row=content.count(b"\n", 0, error.start) + 1) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        missing = [name for name in COLUMNS if name not in header]
        if missing:
            raise Invalid("import_columns", field="file", row=1, columns=",".join(COLUMNS), missing=", ".join(missing))
        for values in reader:
            if any(value.strip() for value in values):
                yield reader.line_num, dict(zip(header, [*values, *[""] * len(header)], strict=False))
    except csv.Error:
        raise Invalid("import_table", field="file", row=reader.line_num) from None


def _read_row(file: UnitsFile, line: int, row: dict[str, str]) -> Unit | None:
    values = {name: row[name].strip() for name in COLUMNS}
    kind, teryt = values["kind"], values["teryt"]
    for name in ("name", "powiat", "voivodeship"):
        if has_control(values[name]) or len(values[name]) > 100:
            file.refuse(line, name, values[name], "import_text")
    if not slugify(values["name"]):
        file.refuse(line, "name", values["name"], "import_name")
    if kind not in _DIGITS:
        file.refuse(line, "kind", kind, "import_kind", choices=", ".join(_DIGITS))
        return None
    if not (teryt.isascii() and teryt.isdigit() and len(teryt) == _DIGITS[kind]):
        file.refuse(line, "teryt", teryt, "import_teryt", digits=_DIGITS[kind], unit=kind)
        return None
    if kind in COMMUNES and teryt[6] != COMMUNES[kind]:
        file.refuse(line, "teryt", teryt, "import_teryt_kind", digit=COMMUNES[kind], unit=kind)
    if kind in COMMUNES and not values["powiat"]:
        file.refuse(line, "powiat", "", "import_county")
    return Unit(
        line=line,
        key=teryt[:6],
        name=values["name"],
        kind=kind,
        county=values["powiat"],
        voivodeship=values["voivodeship"],
    )


def _place(file: UnitsFile, unit: Unit) -> None:
    if unit.kind == VOIVODESHIP:
        file.voivodeships[unit.key] = unit
    elif unit.kind == CITY_COUNTY:
        file.city_counties[unit.key] = unit
    else:
        file.units.append(unit)
