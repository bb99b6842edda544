"""The field in which a member is named."""

from __future__ import annotations

import uuid

from sqlalchemy import or_

from panel.kernel.db import db
from panel.kernel.errors import NotFound
from panel.kernel.text import fold
from panel.members.actions import get_member, members_query
from panel.members.models import Member
from panel.web.forms.fields import Typed
from panel.web.session import actor


class MemberText(Typed):
    """A member by its short name, TERYT or full name; one that several share names none."""

    code = "unknown_member"

    def _read(self, text: str) -> uuid.UUID:
        found = find_member(text)
        if found is None:
            raise self._bad()
        return found

    def _show(self, value: uuid.UUID) -> str:
        try:
            return get_member(actor(), value).slug
        except NotFound:
            return ""


def find_member(text: str) -> uuid.UUID | None:
    """The one member in reach that is called ``text``; None where there is none, or several."""
    exact = or_(Member.slug == text.lower(), Member.teryt == text, Member.name == text)
    found = list(db.session.scalars(members_query(actor()).where(exact).limit(2)))
    found = found or list(db.session.scalars(members_query(actor(), search=fold(text)).limit(2)))
    return found[0].id if len(found) == 1 else None
