"""The kinds of things that can be imported, by name."""

from __future__ import annotations

from collections.abc import Mapping

from panel.imports.importer import Importer
from panel.imports.mailboxes import Mailboxes
from panel.imports.members import Members
from panel.kernel.errors import Invalid

_ALL: tuple[Importer, ...] = (Mailboxes(), Members())
KINDS: Mapping[str, Importer] = {importer.name: importer for importer in _ALL}


def importer_of(kind: str) -> Importer:
    """The importer of ``kind``. Raises Invalid ``choice``."""
    if kind not in KINDS:
        raise Invalid("choice", field="kind", choices=", ".join(KINDS))
    return KINDS[kind]
