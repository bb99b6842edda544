"""Members from tables: known by TERYT, NIP, RSPO, REGON or short name; an empty cell leaves what is there."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from panel.imports.doubles import mark_doubles
from panel.imports.finding import MemberNames, teryt_spellings
from panel.imports.importer import Checked, Column, Row, Verdict, Write
from panel.imports.reading import plain
from panel.kernel.access import Actor, require, require_kind
from panel.kernel.db import db
from panel.kernel.errors import Conflict, Invalid, PanelError
from panel.kernel.text import fold
from panel.ledger import names
from panel.members.actions import EDITABLE, checked_values, create_member, update_member, with_slug
from panel.members.models import MEMBER_KINDS, SLUGS, Member
from panel.members.units import CITY_COUNTY, COMMUNES, COUNTY

UNIQUE = ("teryt", "nip", "rspo", "regon", "slug")
"""By what a member is known, surest first; nobody shares one of these."""

_AT_ONCE = 500
_PLAIN = ("name", "kind", "teryt", "nip", "regon", "rspo", "slug", "e_delivery_address", "address")
_KINDS: Mapping[str, str] = {
    **{plain(kind): kind for kind in MEMBER_KINDS},
    **{plain(kind): "municipality" for kind in (*COMMUNES, CITY_COUNTY, "gmina", "miasto", "miasto i gmina")},
    **{plain(kind): "county" for kind in (COUNTY, "starostwo powiatowe")},
    "wojewodztwo": "voivodeship",
    "szkola": "school",
    "przedszkole": "school",
    "instytucja kultury": "cultural_institution",
    "biblioteka": "cultural_institution",
    "jednostka": "unit",
    "jednostka organizacyjna": "unit",
    "inny": "other",
    "inne": "other",
}
"""What people call kinds, plain, and the register's own kinds → ours."""


@dataclass(kw_only=True)
class _Wanted:
    """``values`` as they are kept, of a new member or those that change; ``parent``: the one the row names.

    ``known``: who is there.
    """

    values: dict[str, Any] = field(default_factory=dict)
    parent: str = ""
    known: Member | None = None


class Members:
    """The importer of members."""

    name = "members"
    columns = (
        Column(
            name="name",
            headings=("name", "nazwa", "nazwa podmiotu", "nazwa jednostki", "podmiot", "pelna nazwa", "member"),
            required=True,
        ),
        Column(name="kind", headings=("kind", "rodzaj", "typ", "rodzaj podmiotu", "typ podmiotu", "rodzaj jednostki")),
        Column(name="teryt", headings=("teryt", "kod teryt", "nr teryt")),
        Column(name="nip", headings=("nip", "nr nip", "numer nip")),
        Column(name="regon", headings=("regon", "nr regon", "numer regon")),
        Column(name="rspo", headings=("rspo", "nr rspo", "numer rspo")),
        Column(name="slug", headings=("slug", "nazwa skrocona", "skrot", "short name", "krotka nazwa")),
        Column(
            name="parent",
            headings=("parent", "belongs to", "podlega", "nalezy do", "organ prowadzacy", "jednostka nadrzedna",
                      "parent id"),
        ),
        Column(
            name="e_delivery_address",
            headings=("e delivery address", "adres e doreczen", "adres do e doreczen", "e doreczenia", "ade"),
        ),
        Column(name="address", headings=("address", "adres", "adres siedziby", "siedziba")),
    )  # fmt: skip

    def require(self, actor: Actor, member_id: uuid.UUID | None) -> None:
        """Members are the association's to take in; ``member_id`` is no use here."""
        require_kind(actor, "members")
        require(actor, "members:write", staff=True)
        if member_id is not None:
            raise Invalid("unknown_field", field="member_id")

    def check(
        self,
        actor: Actor,
        rows: Sequence[Row],
        *,
        member_id: uuid.UUID | None,  # noqa: ARG002 - the same for all kinds
    ) -> Checked:
        """What would become of each row now, by what members' own actions ask."""
        finder = MemberNames(actor, "members:read")
        there = _There()
        seen: set[str] = set()
        verdicts = []
        for row in rows:
            verdict = Verdict(wanted=_Wanted(parent=row.text("parent")))
            with verdict.collecting():
                _check(verdict, _given(row), there)
            with verdict.collecting():
                _check_parent(verdict, finder, seen)
            seen |= {fold(row.text(name)) for name in ("name", *UNIQUE)} - {""}
            verdicts.append(verdict)
        mark_doubles(rows, verdicts)
        _check_released(verdicts)
        return Checked(verdicts=verdicts)

    def prepare(self, actor: Actor, verdicts: Sequence[Verdict]) -> Write:
        """Nothing takes time; then make and change one after the other, so that a parent may stand above its own."""

        def write() -> list[uuid.UUID | None]:
            finder = MemberNames(actor, "members:read")
            made: dict[str, uuid.UUID] = {}
            return [_write(actor, place, verdict, finder, made) for place, verdict in enumerate(verdicts)]

        return write


class _There:
    """The members that are there, by each of their unique values."""

    def __init__(self) -> None:
        query = select(Member).execution_options(populate_existing=True, yield_per=_AT_ONCE)
        self._by: dict[tuple[str, str], Member] = {}
        self.names: set[str] = set()
        for member in db.session.scalars(query):
            self.names.add(fold(member.name))
            for name in UNIQUE:
                if getattr(member, name):
                    self._by[name, getattr(member, name)] = member

    def match(self, values: Mapping[str, Any]) -> Member | None:
        """The member that these values are of. Raises Conflict ``taken`` where they are of different ones."""
        found = [(name, self._by.get((name, values[name]))) for name in UNIQUE if values.get(name)]
        known = [(name, member) for name, member in found if member is not None]
        for name, member in known[1:]:
            if member is not known[0][1]:
                raise Conflict("taken", field=name, name=values[name])
        return known[0][1] if known else None

    def holder(self, slug: str) -> Member | None:
        """Whose short name this is."""
        return self._by.get(("slug", slug))


def _given(row: Row) -> dict[str, Any]:
    """What a row says, read but for the parent; empty cells say nothing."""
    values: dict[str, Any] = {name: row.text(name) for name in _PLAIN if row.text(name)}
    if "kind" in values:
        values["kind"] = _KINDS.get(plain(values["kind"]), values["kind"])
    if str(values.get("teryt", "")).isdecimal():
        values["teryt"] = next(iter(teryt_spellings(values["teryt"])), values["teryt"])
    return values


def _check(verdict: Verdict, given: dict[str, Any], there: _There) -> None:
    """Decide between new, changed and unchanged. Raises Invalid naming each bad field, Conflict ``taken``."""
    clean = checked_values({"name": "-", "kind": "other", "slug": "x", **given})
    clean = {name: value for name, value in clean.items() if name in given}
    known = there.match(clean)
    if known is None:
        whole = checked_values(with_slug(clean))
        holder = there.holder(whole["slug"])
        if holder is not None and (clean.get("slug") or fold(holder.name) != fold(whole["name"])):
            raise Conflict("taken", field="slug", name=whole["slug"])
        known, clean = holder, clean if holder is not None else whole
    verdict.identity = tuple(f"{name}:{clean[name]}" for name in UNIQUE if clean.get(name))
    if known is None:
        verdict.would, verdict.wanted.values = "create", clean
        if fold(clean["name"]) in there.names:
            verdict.warnings.append(Conflict("import_same_name", field="name"))
        return
    verdict.identity += (f"id:{known.id}",)
    verdict.resource_id, verdict.wanted.known = known.id, known
    verdict.wanted.values = {
        name: value for name, value in clean.items() if name in EDITABLE and getattr(known, name) != value
    }
    verdict.would = "update" if verdict.wanted.values else "unchanged"


def _check_parent(verdict: Verdict, finder: MemberNames, seen: set[str]) -> None:
    """Find whom the row names, among members and the rows above it."""
    text = verdict.wanted.parent
    if not text or verdict.errors or (not finder.named(text) and fold(text) in seen):
        if text and verdict.would == "unchanged":
            verdict.would = "update"
        return
    parent_id = finder.one(text, field="parent").id
    known = verdict.wanted.known
    if known is None or known.parent_id != parent_id:
        verdict.wanted.values["parent_id"] = parent_id
        verdict.would = "create" if known is None else "update"


def _check_released(verdicts: Sequence[Verdict]) -> None:
    """Refuse short names that wait for the members that gave them up."""
    wanted = {verdict.wanted.values["slug"]: verdict for verdict in verdicts if "slug" in verdict.wanted.values}
    for slug, member_id in names.released(SLUGS, list(wanted)).items():
        if member_id != wanted[slug].resource_id:
            years = names.RELEASED_YEARS
            wanted[slug].errors.append(Conflict("released", field="slug", name=slug, years=years))


def _write(
    actor: Actor, place: int, verdict: Verdict, finder: MemberNames, made: dict[str, uuid.UUID]
) -> uuid.UUID | None:
    wanted: _Wanted = verdict.wanted
    values = dict(wanted.values)
    try:
        if wanted.parent and "parent_id" not in values and verdict.would != "unchanged":
            values["parent_id"] = made.get(fold(wanted.parent)) or finder.one(wanted.parent, field="parent").id
        if verdict.resource_id is None:
            member = create_member(actor, **values)
        elif values:
            member = update_member(actor, verdict.resource_id, **values)
        else:
            return verdict.resource_id
    except PanelError as error:
        error.params["row"] = place
        raise
    made |= {fold(str(getattr(member, name))): member.id for name in ("name", *UNIQUE) if getattr(member, name)}
    return member.id
