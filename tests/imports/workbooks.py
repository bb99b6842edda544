"""XLSX workbooks of tests, written part by part so that any part can be otherwise."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

NS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def workbook(rows: Sequence[Sequence[str]], **otherwise: str) -> bytes:
    """A workbook with one sheet of ``rows``; a cell that begins with ``<c`` stands as it is."""
    return packed(parts(rows) | {name.replace("__", "/") + ".xml": text for name, text in otherwise.items()})


def parts(rows: Sequence[Sequence[str]]) -> dict[str, str]:
    """The parts of such a workbook by name."""
    cells = ("".join(map(_cell, row)) for row in rows)
    sheet = "".join(f'<row r="{number}">{row}</row>' for number, row in enumerate(cells, 1))
    return {
        "_rels/.rels": _relations(("officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f'<workbook xmlns="{NS}" xmlns:r="{RELATED}"><sheets><sheet name="A" sheetId="1" r:id="r0"/>'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": _relations(
            ("worksheet", "worksheets/a.xml"), ("sharedStrings", "strings.xml"), ("styles", "styles.xml")
        ),
        "xl/strings.xml": f'<sst xmlns="{NS}"><si><t>Koś</t></si><si><r><t>Ko</t></r><r><t>ścian</t></r>'
        "<rPh><t>no</t></rPh></si></sst>",
        "xl/styles.xml": f'<styleSheet xmlns="{NS}"><numFmts><numFmt numFmtId="164" formatCode="000000"/>'
        '<numFmt numFmtId="165" formatCode="000\\-000\\-00\\-00"/></numFmts><cellXfs><xf numFmtId="0"/>'
        '<xf numFmtId="164"/><xf numFmtId="14"/><xf numFmtId="165"/></cellXfs></styleSheet>',
        "xl/worksheets/a.xml": f'<worksheet xmlns="{NS}"><sheetData>{sheet}</sheetData></worksheet>',
    }


def packed(texts: Mapping[str, str | bytes]) -> bytes:
    """The parts as a ZIP archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
    return file.getvalue()


def _cell(text: str) -> str:
    return text if text.startswith("<c") else f'<c t="inlineStr"><is><t>{escape(text)}</t></is></c>'


def _relations(*targets: tuple[str, str]) -> str:
    listed = "".join(
        f'<Relationship Id="r{number}" Type="{RELATED}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets)
    )
    return f'<Relationships xmlns="{PACKAGE}">{listed}</Relationships>'
