"""Files as people send them, and as nobody should."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path

import pytest

from panel.imports import sheets
from panel.imports.reading import Table, read_table
from panel.kernel.errors import Invalid
from tests.imports.workbooks import NS, packed, parts, workbook

KNOWN = {"adres", "podmiot", "teryt", "nazwa"}
FILES = Path(__file__).parent / "files"


def read(content: bytes, *, rows_most: int = 1_000) -> Table:
    return read_table(content, known=KNOWN, rows_most=rows_most, bytes_most=20_000_000)


def code_of(content: bytes, **limits: int) -> str:
    with pytest.raises(Invalid) as caught:
        read(content, **limits)
    assert caught.value.field == "file"
    return caught.value.code


ROWS = [["adres", "podmiot"], ["ala", "Gmina Śmigiel"], ["źdźbło", "Żółć ąęść"]]
TEXT = "\r\n".join(";".join(row) for row in ROWS)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1250", "iso-8859-2"])
def test_letters_are_told_by_the_bytes(encoding: str) -> None:
    table = read(TEXT.encode(encoding))
    assert (table.columns, [cells for _line, cells in table.rows]) == (ROWS[0], ROWS[1:])


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_delimiters_are_told_by_the_rows(delimiter: str) -> None:
    quoted = f'"ulica; Rynek, 1{delimiter} |"'
    text = f"adres{delimiter}podmiot\n{quoted}{delimiter}Kościan\n{quoted}{delimiter}Śmigiel\n"
    assert [cells[1] for _line, cells in read(text.encode()).rows] == ["Kościan", "Śmigiel"]


def test_headings_are_found_below_titles_and_lines_are_those_of_the_file() -> None:
    text = '﻿Wykaz skrzynek;;\n;;\nAdres;Podmiot;\n"a\nb";"Gmina ""Nowa""";\n\n  ;;\nala;Kościan;\n'
    table = read(text.encode())
    assert table.columns == ["Adres", "Podmiot"]
    assert table.rows == [(4, ["a\nb", 'Gmina "Nowa"']), (8, ["ala", "Kościan"])]


def test_a_file_without_headings_gets_those_of_a_sheet_and_doubled_ones_are_numbered() -> None:
    assert read(b"ala@example.org;5\nola@example.org;6\n").columns == ["A", "B"]
    assert read(b"adres;uwagi;uwagi;\nala;1;2;3\n").columns == ["adres", "uwagi", "uwagi (2)", "D"]
    assert read(b"adres\nala\n").rows == [(2, ["ala"])]


def test_a_cell_that_our_own_files_keep_from_being_a_formula_means_what_it_meant() -> None:
    assert read(b"adres;podmiot\n'=1+1;'tis\n").rows == [(2, ["=1+1", "'tis"])]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "import_empty"),
        (b" ; ;\n;;\n", "import_empty"),
        (b"adres\n\0\n", "import_not_text"),
        (b"%PDF-1.7 \xff", "import_not_text"),
        (b"adres;x\nal\x81;\xb9\n", "import_not_text"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "import_old_or_locked"),
        (b'adres;x\n"ala;1\nola;2\n', "import_table"),
        (b"adres\n" + b"a" * 1_000_000, "import_table"),
        (b"adres\n" + b"a" * 5_000, "import_cell_long"),
        (b";".join(b"%d" % n for n in range(10_000)), "import_columns_many"),
        (b"PK\x03\x04 and nothing else", "import_sheet"),
        (packed({"mimetype": "application/vnd.oasis.opendocument.spreadsheet"}), "import_sheet"),
        (packed(parts(ROWS) | {"xl/vbaProject.bin": "x"}), "import_macros"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)  # fmt: skip
def test_what_is_no_table_is_refused_with_words(content: bytes, code: str) -> None:
    assert code_of(content) == code


def test_more_than_the_limits_is_refused() -> None:
    assert code_of(b"adres\n" + b"ala\n" * 6, rows_most=5) == "import_rows_many"
    with pytest.raises(Invalid, match="file_large"):
        read_table(b"adres\nala\n" * 9, known=KNOWN, rows_most=9, bytes_most=50)


def test_cells_of_a_workbook_are_read_as_its_sheet_shows_them() -> None:
    row = [
        '<c r="A2" t="s"><v>1</v></c>', '<c r="B2" s="1"><v>1101</v></c>', '<c r="C2"><v>1234567</v></c>',
        '<c r="D2" s="2"><v>45658</v></c>', '<c r="F2"><f>B2*2</f><v>0.5</v></c>',
        '<c r="G2" t="str"><f>A2</f><v>tekst</v></c>', '<c r="H2" s="3"><v>7781454968</v></c>',
        '<c r="I2" t="b"><v>1</v></c>', '<c r="J2"><v>1E+15</v></c>',
    ]  # fmt: skip
    table = read(workbook([["adres", "teryt", "c", "d", "e", "f", "g", "h", "i", "j"], row]))
    assert table.rows == [
        (
            2,
            [
                "Kościan",
                "001101",
                "1234567",
                "2025-01-01",
                "",
                "0.5",
                "tekst",
                "778-145-49-68",
                "1",
                "1000000000000000",
            ],
        )
    ]


@pytest.mark.parametrize("name", ["openpyxl.xlsx", "xlsxwriter.xlsx"])
def test_workbooks_of_real_programs_are_read(name: str) -> None:
    table = read((FILES / name).read_bytes())
    assert table.columns == ["Nazwa", "TERYT", "NIP", "Od kiedy", "Pojemność"]
    assert table.rows == [
        (2, ["Gmina Śmigiel", "0201", "7781454968", "2026-01-31", "1024"]),
        (4, ["Kościan & syn", "301101", "", "", "2048.5"]),
    ]


def test_a_workbook_whose_directory_lies_or_whose_parts_are_huge_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as smaller:
        smaller.setattr(sheets, "UNPACKED_MAX", 1_000_000)
        assert code_of(packed(parts(ROWS) | {"xl/media/a.bin": b"\0" * 1_000_001})) == "import_bomb"
    whole = bytearray(packed(parts(ROWS) | {"xl/worksheets/a.xml": f'<worksheet xmlns="{NS}">' + " " * 200_000}))
    size = (200_000 + len(f'<worksheet xmlns="{NS}">')).to_bytes(4, "little")
    assert code_of(bytes(whole.replace(size, (60).to_bytes(4, "little")))) == "import_sheet"


@pytest.mark.parametrize(
    "sheet",
    [
        '<!DOCTYPE w [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><worksheet>&b;</worksheet>',
        '<!DOCTYPE w SYSTEM "file:///etc/passwd"><worksheet/>',
    ],
)
def test_entities_in_a_workbook_are_refused(sheet: str) -> None:
    assert code_of(workbook(ROWS, xl__worksheets__a=sheet)) == "import_entities"


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ('<c r="XFD1048576"><v>1</v></c>', "import_columns_many"),
        ('<c t="s"><v>99</v></c>', "import_sheet"),
        ("<c><v>abc</v></c>", "import_sheet"),
        ('<c s="2"><v>1e300</v></c>', "import_sheet"),
        ('<c r="A2"', "import_sheet"),
    ],
)
def test_cells_that_no_program_writes_are_refused(cell: str, code: str) -> None:
    assert code_of(workbook([["adres"], [cell]])) == code


def test_an_encrypted_part_is_refused() -> None:
    content = packed(parts(ROWS))
    file = io.BytesIO(content)
    with zipfile.ZipFile(file) as archive:
        first = archive.infolist()[0]
    directory = content.rfind(b"PK\x01\x02" + content[first.header_offset + 4 : first.header_offset + 5][:0], 0)
    locked = bytearray(content)
    locked[directory + 8] |= 1
    assert code_of(bytes(locked)) == "import_old_or_locked"
    assert zlib.crc32(content) != zlib.crc32(bytes(locked))
