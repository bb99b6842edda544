"""The first sheet of an XLSX workbook, cells as the sheet shows them (ECMA-376), read without trust.

An own reader, of what import needs: libraries take 9 s for 10,000 rows (openpyxl with defusedxml) or 12 GB for a file
of 5 KB with one cell far away (calamine), and neither shows numbers as the sheet does (decision 0038).
"""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from panel.imports.numbers import CODE_MAX, Formats, shown
from panel.imports.parts import Attributes, Reader, read_part
from panel.kernel.errors import Invalid

UNPACKED_MAX = 160_000_000
"""How much all of a workbook may be unpacked; 100,000 rows of ten columns take about half of it."""

PARTS_MAX, STRINGS_MAX, ROWS_MAX = 2_000, 1_000_000, 1_048_576
_LETTERS_MAX = 4
"""The last column that there is has three letters; what has more is beyond it, whatever follows."""
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OTHERS = (b"%PDF", b"\x1f\x8b", b"\x89PNG", b"\xff\xd8\xff", b"Rar!", b"7z\xbc\xaf", b"BZh", b"\xfd7zXZ", b"\x7fELF")


def is_workbook(content: bytes) -> bool:
    """Whether these are the first bytes of a ZIP archive, which every XLSX is."""
    return content.startswith(b"PK\x03\x04")


def require_readable(content: bytes) -> None:
    """Go on unless it is known to be something else. Raises Invalid with words for what people do send."""
    if content.startswith(_OLE):
        raise Invalid("import_old_or_locked", field="file")
    if content.startswith(_OTHERS):
        raise Invalid("import_not_text", field="file")


def read_sheet(content: bytes, *, columns_most: int) -> Iterator[tuple[int, list[str]]]:
    """The rows of the first visible sheet with their numbers; formulas count by the value they had when saved.

    Raises Invalid for ``file``: macros, passwords, what unpacks to too much, what is no workbook.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _require_safe(archive)
            yield from _Workbook(archive).rows(columns_most)
    except (zipfile.BadZipFile, zlib.error, EOFError, LookupError, ValueError, OverflowError, NotImplementedError,
            RuntimeError, expat.ExpatError):  # fmt: skip
        raise Invalid("import_sheet", field="file") from None


def letters_of(place: int) -> str:
    """What spreadsheets call the column at ``place``, from 0: A, B … Z, AA."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _require_safe(archive: zipfile.ZipFile) -> None:
    """Look at the directory alone. What is read later never exceeds the sizes that stand there (``ZipExtFile``)."""
    entries = archive.infolist()
    if any(entry.flag_bits & 1 for entry in entries):
        raise Invalid("import_old_or_locked", field="file")
    if any(entry.filename.lower().endswith("vbaproject.bin") for entry in entries):
        raise Invalid("import_macros", field="file")
    if any(entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for entry in entries):
        raise ValueError("packed as no workbook is (ECMA-376-2 annex B)")
    if len(entries) > PARTS_MAX or sum(entry.file_size for entry in entries) > UNPACKED_MAX:
        raise Invalid("import_bomb", field="file", most=UNPACKED_MAX // 1_000_000)


class _Workbook:
    """The parts of an open archive that lead to the cells of one sheet."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        main = self._related("", "officeDocument")
        self._main = next(iter(main.values()), "")
        if not self._main:
            raise ValueError("no workbook in it")

    def rows(self, columns_most: int) -> Iterator[tuple[int, list[str]]]:
        """Read what cells refer to, then the rows."""
        book = _Book()
        self._walk(self._main, book)
        sheets = self._related(self._main, "worksheet")
        place = next(sheets[sheet] for sheet in book.sheets if sheet in sheets)
        strings, styles = _Strings(), _Styles()
        for kind, reader in (("sharedStrings", strings), ("styles", styles)):
            for part in set(self._related(self._main, kind).values()):  # each once, however often it is named
                self._walk(part, reader)
        formats = Formats(codes=styles.codes, used=styles.used, from_1904=book.from_1904)
        sheet = _Sheet(strings.found, formats, columns_most)
        for _block in self._blocks(place, sheet):
            yield from sheet.rows
            sheet.rows.clear()

    def _related(self, part: str, kind: str) -> dict[str, str]:
        """The parts that ``part`` refers to as ``kind``, by id."""
        folder, name = posixpath.split(part)
        found = _Relations(kind)
        self._walk(posixpath.join(folder, "_rels", f"{name}.rels"), found)
        return {
            id_: target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            for id_, target in found.targets.items()
        }

    def _walk(self, part: str, reader: Reader) -> None:
        for _block in self._blocks(part, reader):
            pass

    def _blocks(self, part: str, reader: Reader) -> Iterator[None]:
        with self._archive.open(part) as file:
            yield from read_part(file, reader)


@dataclass
class _Relations(Reader):
    kind: str
    targets: dict[str, str] = field(default_factory=dict)

    def start(self, name: str, attributes: Attributes) -> None:
        outside = attributes.get("TargetMode") == "External"
        if name == "Relationship" and not outside and attributes.get("Type", "").endswith(f"/{self.kind}"):
            self.targets[attributes["Id"]] = attributes["Target"]


@dataclass
class _Book(Reader):
    sheets: list[str] = field(default_factory=list)
    from_1904: bool = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "sheet" and attributes.get("state", "visible") == "visible":
            self.sheets += [value for key, value in attributes.items() if key.endswith(" id")]
        elif name == "workbookPr":
            self.from_1904 = attributes.get("date1904", "") in ("1", "true")


@dataclass
class _Styles(Reader):
    """Number formats by their ids, and which one each style of cells uses."""

    codes: dict[int, str] = field(default_factory=dict)
    used: list[int] = field(default_factory=list)
    _within: bool = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "numFmt":
            self.codes[int(attributes["numFmtId"])] = attributes.get("formatCode", "")[:CODE_MAX]
        elif name == "cellXfs":
            self._within = True
        elif name == "xf" and self._within:
            self.used.append(int(attributes.get("numFmtId", "0")))

    def end(self, name: str) -> None:
        self._within = self._within and name != "cellXfs"


@dataclass
class _Pieces(Reader):
    """Text put together from the ``t`` of its runs, without what tells how to pronounce it."""

    elements_most = 10_000_000
    _parts: list[str] = field(default_factory=list)
    _open: bool = False
    _aside: bool = False

    def _begin(self, name: str) -> None:
        self._aside = self._aside or name == "rPh"
        self._open = name in ("t", "v") and not self._aside

    def _finish(self, name: str) -> None:
        self._open = False
        self._aside = self._aside and name != "rPh"

    def text(self, text: str) -> None:
        if self._open:
            self._parts.append(text)

    def _take(self) -> str:
        whole = "".join(self._parts)
        self._parts.clear()
        return whole


@dataclass
class _Strings(_Pieces):
    found: list[str] = field(default_factory=list)

    def start(self, name: str, attributes: Attributes) -> None:  # noqa: ARG002 - the same call for all parts
        self._begin(name)

    def end(self, name: str) -> None:
        self._finish(name)
        if name == "si":
            if len(self.found) == STRINGS_MAX:
                raise Invalid("import_bomb", field="file", most=UNPACKED_MAX // 1_000_000)
            self.found.append(self._take())


class _Sheet(_Pieces):
    """The rows of a sheet, as far as it was read."""

    def __init__(self, strings: list[str], formats: Formats, columns_most: int) -> None:
        super().__init__()
        self.rows: list[tuple[int, list[str]]] = []
        self._strings, self._formats, self._most = strings, formats, columns_most
        self._number, self._place, self._type, self._style = 0, -1, "", 0
        self._cells: dict[int, str] = {}
        self._starts: dict[str, Callable[[Attributes], None]] = {"row": self._start_row, "c": self._start_cell}
        self._ends: dict[str, Callable[[], None]] = {"row": self._end_row, "c": self._end_cell}

    def start(self, name: str, attributes: Attributes) -> None:
        self._begin(name)
        if name in self._starts:
            self._starts[name](attributes)

    def end(self, name: str) -> None:
        self._finish(name)
        if name in self._ends:
            self._ends[name]()

    def _start_row(self, attributes: Attributes) -> None:
        number = int(attributes.get("r", self._number + 1))
        if not self._number < number <= ROWS_MAX:
            raise ValueError("rows that are there twice, or out of order")
        self._number = number
        self._place, self._cells = -1, {}

    def _end_row(self) -> None:
        if self._cells:
            self.rows.append((self._number, [self._cells.get(place, "") for place in range(max(self._cells) + 1)]))

    def _start_cell(self, attributes: Attributes) -> None:
        reference = attributes.get("r")
        self._place = self._place + 1 if reference is None else _place_of(reference)
        self._type, self._style = attributes.get("t", "n"), int(attributes.get("s", "0"))

    def _end_cell(self) -> None:
        value = self._take()
        if not value:
            return
        if self._place >= self._most:
            raise Invalid("import_columns_many", field="file", most=self._most, row=self._number)
        if self._type == "s":
            value = self._strings[int(value)]
        elif self._type == "n":
            value = shown(value, self._formats, self._style)
        self._cells[self._place] = value


def _place_of(reference: str) -> int:
    """The column of a reference such as ``AB12``, from 0."""
    place = 0
    for char in reference[:_LETTERS_MAX]:
        if not "A" <= char <= "Z":
            break
        place = place * 26 + ord(char) - 64
    return place - 1
