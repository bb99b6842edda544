"""Orphans: what was found on a node and on no list of ours, once a person decided that it shall go.

They are resources like others, so that their removal is planned, guarded, fenced, confirmed and looked at like any.
"""

from __future__ import annotations

from sqlalchemy.orm import Mapped

from panel.kernel.db import Base
from panel.ledger.resources import ResourceColumns
from provisioning.resources import Gone


class Orphan(ResourceColumns, Base):
    """A resource of ``kind`` that only a node knew, under the id that it has there. Its data is kept."""

    __tablename__ = "orphans"
    __table_args__ = (ResourceColumns.due_index("orphans"),)

    kind: Mapped[str]
    name: Mapped[str]

    @property
    def address(self) -> str:
        """By what it was served, for whoever looks whether it still is."""
        return self.name


def orphan_item(row: Orphan) -> Gone:
    """The removal of an orphan as the node is asked for it."""
    return Gone(kind=row.kind, id=str(row.id), generation=row.wanted_generation)
