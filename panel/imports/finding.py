"""Members as files name them: by id, short name, TERYT, NIP or name."""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from stdnum.pl import nip as nip_number

from panel.kernel.access import Actor, scoped
from panel.kernel.db import db
from panel.kernel.errors import Invalid
from panel.kernel.text import fold
from panel.members.models import Member


@dataclass(frozen=True)
class Named:
    """A member as far as files can name it."""

    id: uuid.UUID
    name: str
    slug: str
    teryt: str | None
    nip: str | None
    rspo: str | None
    regon: str | None


class MemberNames:
    """The members on whom ``actor`` holds ``permission``, found by what a file calls them."""

    def __init__(self, actor: Actor, permission: str) -> None:
        columns = (Member.id, Member.name, Member.slug, Member.teryt, Member.nip, Member.rspo, Member.regon)
        every: Select[Any] = select(*columns)  # type: ignore[assignment]  # of several columns
        query = scoped(actor, permission, every, Member.id)
        self._by_text: dict[str, list[Named]] = defaultdict(list)
        for row in db.session.execute(query):
            one = Named(*row)
            for text in {str(one.id), one.slug, one.teryt, one.nip, fold(one.name)} - {None, ""}:
                self._by_text[text or ""].append(one)

    def only(self) -> uuid.UUID | None:
        """The one member that rows can be for where they do not say; None where there are several."""
        ids = {one.id for some in self._by_text.values() for one in some}
        return ids.pop() if len(ids) == 1 else None

    def named(self, text: str) -> list[Named]:
        """All that ``text`` can mean, by what tells best: a number before a name."""
        return next(iter(self._ways(text)), [])

    def one(self, text: str, *, field: str, among: uuid.UUID | None = None) -> Named:
        """The one member that ``text`` means; ``among`` decides where several are called so.

        Raises Invalid ``import_no_member``, ``import_many_members``.
        """
        ways = self._ways(text)
        if not ways:
            raise Invalid("import_no_member", field=field, name=text)
        known = next((one for found in ways for one in found if one.id == among), None)
        if known is None and len(ways[0]) > 1:
            raise Invalid("import_many_members", field=field, name=text, number=len(ways[0]))
        return known or ways[0][0]

    def _ways(self, text: str) -> list[list[Named]]:
        spelled = dict.fromkeys((text.strip(), *_numbers(text), fold(text)))
        return [self._by_text[one] for one in spelled if one in self._by_text]


def _numbers(text: str) -> list[str]:
    """Other spellings of a number: NIP without hyphens, TERYT with its seventh digit or without its first zero."""
    digits = nip_number.compact(text)
    if not digits.isdecimal():
        return []
    return [digits, *teryt_spellings(digits)]


def teryt_spellings(digits: str) -> list[str]:
    """TERYT as the panel keeps it: spreadsheets take the zero in front, TERC has a seventh digit for the kind."""
    whole = digits if len(digits) % 2 == 0 or len(digits) == 7 else f"0{digits}"
    return [whole[:6]] if 3 <= len(digits) <= 7 else []
