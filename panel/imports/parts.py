"""The XML in a workbook's parts, as events, with a bound on everything that costs: what people send is not trusted.

Expat keeps what stands open and every name it met, and looks at an unfinished token again with each block, so that a
file of some kilobytes could take memory and hours; a few numbers that no spreadsheet comes near to keep it from that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO
from xml.parsers import expat

from panel.kernel.errors import Invalid

_BLOCK = 65_536
DEPTH_MAX, NAMES_MAX, TOKEN_MAX = 64, 2_000, 500_000
"""Elements within each other, different names, and bytes of one tag or remark: of a whole part."""

Attributes = dict[str, str]


class Reader:
    """Takes the events of one part; does nothing with those it does not look for.

    ``elements_most``: how many elements such a part may have. Sheets and their texts have millions, the others few.
    """

    elements_most = 500_000

    def start(self, name: str, attributes: Attributes) -> None:
        """Begin an element."""

    def end(self, name: str) -> None:
        """End one."""

    def text(self, text: str) -> None:
        """Take text within one."""


def read_part(file: IO[bytes], reader: Reader) -> Iterator[None]:
    """Tell ``reader`` what is in ``file``, block by block. Raises ValueError, ExpatError for what no workbook holds."""
    names: dict[str, str] = {}
    parser = _parser(reader, names)
    read = 0
    while block := file.read(_BLOCK):
        parser.Parse(block, False)
        read += len(block)
        if read - parser.CurrentByteIndex > TOKEN_MAX or len(names) > NAMES_MAX:
            raise ValueError("a tag or names without end")
        yield
    parser.Parse(b"", True)
    yield


def _parser(reader: Reader, names: dict[str, str]) -> expat.XMLParserType:
    parser = expat.ParserCreate(namespace_separator=" ", intern=names)
    depth, elements = 0, 0

    def start(name: str, attributes: Attributes) -> None:
        nonlocal depth, elements
        depth += 1
        elements += 1
        if depth > DEPTH_MAX or elements > reader.elements_most:
            raise ValueError("more elements than any workbook has")
        reader.start(name.rpartition(" ")[2], attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        reader.end(name.rpartition(" ")[2])

    handlers = {
        "buffer_text": True,
        "StartElementHandler": start,
        "EndElementHandler": end,
        "CharacterDataHandler": reader.text,
        "StartDoctypeDeclHandler": _refuse_entities,
    }
    for name, handler in handlers.items():
        setattr(parser, name, handler)
    return parser


def _refuse_entities(*_declaration: object) -> None:
    """No spreadsheet program writes a DOCTYPE; entities that grow or point elsewhere need one."""
    raise Invalid("import_entities", field="file")
