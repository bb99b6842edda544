"""Workbooks made to cost time and memory, or to break what reads them: unbounded, minutes and gigabytes each."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable
from contextlib import suppress

import pytest

from panel.imports import reading
from panel.imports.reading import Table, read_table
from panel.kernel.errors import Invalid
from tests.imports.workbooks import NS, RELATED, packed, parts, workbook

HEADINGS = '<row r="1"><c t="str"><v>adres</v></c></row>'
CELL = '<c t="str"><v>ala@info.wokiss.pl</v></c>'


def read(content: bytes) -> Table:
    return read_table(content, known=frozenset({"adres"}), rows_most=1_000, bytes_most=20_000_000)


def code_of(content: bytes) -> str:
    with pytest.raises(Invalid) as refused:
        read(content)
    return refused.value.code


def sheet(rows: str) -> bytes:
    text = f'<worksheet xmlns="{NS}"><sheetData>{HEADINGS}{rows}</sheetData></worksheet>'
    return packed(parts([]) | {"xl/worksheets/a.xml": text})


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(f'<row r="2">{CELL}</row>' * 2, id="a row that is there twice"),
        pytest.param(f'<row r="3">{CELL}</row><row r="2">{CELL}</row>', id="rows out of order"),
        pytest.param(f'<row r="-2">{CELL}</row>', id="a row before the first"),
        pytest.param(f'<row r="{2**63}">{CELL}</row>', id="a row beyond the last"),
        pytest.param("<a>" * 1_000, id="nothing but beginnings"),
        pytest.param("".join(f"<a{number}/>" for number in range(20_000)), id="names without end"),
        pytest.param(f'<row r="2"><c x="{"A" * 2_000_000}"/></row>', id="a tag without end"),
        pytest.param(f"<!-- {'x' * 2_000_000} -->", id="a remark without end"),
    ],
)
def test_what_would_cost_more_than_it_says_is_no_workbook(rows: str) -> None:
    assert code_of(sheet(rows)) == "import_sheet"


def test_a_column_far_away_is_known_by_its_first_letters() -> None:
    assert code_of(sheet(f'<row r="2"><c r="{"A" * 400_000}2"><v>1</v></c></row>')) == "import_columns_many"


def test_a_part_that_is_named_often_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    named = "".join(
        f'<Relationship Id="x{number}" Type="{RELATED}/sharedStrings" Target="{"./" * number}strings.xml"/>'
        for number in range(50)
    )
    related = parts([])["xl/_rels/workbook.xml.rels"].replace("</Relationships>", f"{named}</Relationships>")
    content = packed(parts([["adres"], ["ala"]]) | {"xl/_rels/workbook.xml.rels": related})
    opened: list[str] = []
    open_it: Callable[..., object] = zipfile.ZipFile.open

    def noted(self: zipfile.ZipFile, name: str) -> object:
        opened.append(name)
        return open_it(self, name)

    monkeypatch.setattr(zipfile.ZipFile, "open", noted)
    assert read(content).rows == [(2, ["ala"])]
    assert opened.count("xl/strings.xml") == 1


def test_the_code_of_a_format_is_no_longer_than_formats_are() -> None:
    styles = f'<styleSheet xmlns="{NS}"><numFmts><numFmt numFmtId="200" formatCode="{"0" * 400_000}"/></numFmts>'
    styles += '<cellXfs><xf numFmtId="200"/></cellXfs></styleSheet>'
    table = read(workbook([["adres"], ['<c s="0"><v>5</v></c>']], xl__styles=styles))
    assert table.rows == [(2, ["5".zfill(255)])]


@pytest.mark.parametrize("packing", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_what_no_spreadsheet_program_packs_with_is_refused(packing: int) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive:
        for name, text in parts([["adres"], ["ala"]]).items():
            archive.writestr(name, text)
    assert code_of(file.getvalue()) == "import_sheet"


def test_a_table_that_is_wide_and_long_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "CELLS_MAX", 1_000)
    wide = ";".join(["x"] * 100)
    assert len(read(f"{wide}\n{wide}\n".encode()).rows) == 1
    assert code_of("\n".join([wide, *["ala"] * 20]).encode()) == "import_cells_many"


def test_a_damaged_file_is_refused_with_words_wherever_it_is_damaged() -> None:
    whole = workbook([["adres"], ["ala@info.wokiss.pl"]])
    chance = random.Random(5)  # noqa: S311 - the same damage each time
    for _round in range(300):
        content = bytearray(whole)
        for _byte in range(chance.randint(1, 4)):
            content[chance.randrange(4, len(content))] = chance.randrange(256)
        with suppress(Invalid):
            read(bytes(content))
