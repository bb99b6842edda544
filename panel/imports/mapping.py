"""Which column holds which field: guessed from headings, corrected by people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from panel.imports.importer import Column, Importer, Row
from panel.imports.reading import plain
from panel.kernel.errors import Invalid, PanelError


def known_headings(importer: Importer) -> frozenset[str]:
    """Every plain heading by which a column of this kind is known."""
    return frozenset(heading for column in importer.columns for heading in column.headings)


def guess(importer: Importer, columns: Sequence[str]) -> dict[str, str]:
    """Field → heading, as the headings say; a heading serves one field, the best name for a field goes first."""
    by_plain: dict[str, str] = {}
    for heading in columns:
        by_plain.setdefault(plain(heading), heading)
    found: dict[str, str] = {}
    for column in importer.columns:
        free = (by_plain[name] for name in column.headings if name in by_plain)
        fitting = next((one for one in free if one not in found.values()), None)
        if fitting is not None:
            found[column.name] = fitting
    return found


def checked_mapping(importer: Importer, columns: Sequence[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """``mapping`` without what maps to nothing. Raises Invalid for ``mapping``: unknown fields, headings, one twice.

    Nor does a column of passwords hold anything else: what is wrong with other cells is told and kept as it stands.
    """
    fields = {column.name for column in importer.columns}
    clean = {name: heading for name, heading in mapping.items() if heading}
    for name, heading in clean.items():
        if name not in fields:
            raise Invalid("import_unknown_column", field="mapping", name=name)
        if heading not in columns:
            raise Invalid("import_unknown_heading", field="mapping", name=heading)
        if plain(heading) in _secret_headings(importer) and name not in {one.name for one in _secret(importer)}:
            raise Invalid("import_mapped_secret", field="mapping", name=heading)
    if len(set(clean.values())) != len(clean):
        raise Invalid("import_mapped_twice", field="mapping")
    return clean


def lacking(importer: Importer, mapping: Mapping[str, str]) -> list[PanelError]:
    """What must be mapped and is not."""
    return [
        Invalid("import_column_missing", field=column.name)
        for column in importer.columns
        if column.required and column.name not in mapping
    ]


def mapped_rows(
    lines: Sequence[tuple[int, Sequence[str]]], columns: Sequence[str], mapping: Mapping[str, str]
) -> list[Row]:
    """Rows by their fields."""
    places = {name: columns.index(heading) for name, heading in mapping.items()}
    return [Row(line=line, values={name: cells[place] for name, place in places.items()}) for line, cells in lines]


def secret_places(importer: Importer, columns: Sequence[str], mapping: Mapping[str, str]) -> list[int]:
    """The places of columns that are never shown: those of secret fields, and those whose headings say so."""
    mapped, called = {mapping.get(column.name) for column in _secret(importer)}, _secret_headings(importer)
    return [place for place, heading in enumerate(columns) if heading in mapped or plain(heading) in called]


def _secret(importer: Importer) -> list[Column]:
    return [column for column in importer.columns if column.secret]


def _secret_headings(importer: Importer) -> set[str]:
    return {heading for column in _secret(importer) for heading in column.headings}
