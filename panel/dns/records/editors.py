"""What each type of record is for, and what its fields mean: the words of forms, of the API's reference and of help."""

from __future__ import annotations

from panel.dns.records.editing import Editor, Field
from panel.dns.records.keys import KEYS
from panel.dns.records.services import SERVICES
from panel.kernel.i18n import _l

EDITORS: dict[str, Editor] = {editor.type: editor for editor in (*SERVICES, *KEYS)}

GENERIC = Editor(
    "",
    _l("Other type"),
    _l("A type that the panel does not know: its octets are kept and served as they are."),
    (
        Field(
            "data",
            "generic",
            _l("Data"),
            _l("Hexadecimal digits, as the program printed them. Spaces do not matter."),
            "0a000001",
        ),
    ),
    "generic",
)
