"""Taking in all units of local government from a file of the register TERC, again and again."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import insert, select

from panel.kernel.access import Actor, require
from panel.kernel.db import db, new_id, one_at_a_time, unit_of_work
from panel.ledger.events import record_many
from panel.ledger.resources import complete_row
from panel.members.models import Member, Voivodeship
from panel.members.slugs import COUNTY, Homonyms, register_name
from panel.members.tree import note_change
from panel.members.units import BadRow, Unit, UnitsFile, read_units


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """How many members were made, changed, left as they are; ``written`` False: none, because of ``bad`` rows."""

    created: int
    updated: int
    unchanged: int
    bad: list[BadRow]
    written: bool


def import_units(actor: Actor, content: bytes, *, keep_good: bool = False) -> ImportReport:
    """Make or renew members and voivodeships from a file (``read_units``); the same file again changes nothing.

    Counties are known by four digits of TERYT, communes by six; a city with county rights is one member. A member keeps
    its slug for ever, since its statutory address is made from it. With bad rows nothing is written unless
    ``keep_good``. Raises Invalid for ``file``, NotAllowed.
    """
    require(actor, "members:write", staff=True)
    file = read_units(content)
    with unit_of_work():
        one_at_a_time("members")
        query = select(Member).where(Member.teryt.is_not(None)).execution_options(populate_existing=True)
        known = {member.teryt: member for member in db.session.scalars(query)}
        names = _voivodeships(file)
        good = list(_good_units(file, names, known))
        bad = sorted(file.bad, key=lambda row: row.line)
        if bad and not keep_good:
            return ImportReport(created=0, updated=0, unchanged=0, bad=bad, written=False)
        _write_voivodeships(file)
        new, changed = _compare(file, good, names, known)
        _write(actor, new, changed)
        return ImportReport(
            created=len(new), updated=len(changed), unchanged=len(good) - len(new) - len(changed), bad=bad, written=True
        )


def _voivodeships(file: UnitsFile) -> dict[str, str]:
    stored = {row.code: row.name for row in db.session.scalars(select(Voivodeship))}
    return stored | {code: unit.name for code, unit in file.voivodeships.items()}


def _good_units(file: UnitsFile, names: dict[str, str], known: dict[str | None, Member]) -> Iterable[Unit]:
    """The units whose voivodeship is known; cities with county rights must come with their commune."""
    communes = {unit.key[:4] for unit in file.units if unit.kind != COUNTY}
    communes |= {teryt[:4] for teryt, member in known.items() if teryt and member.county_rights}
    for city in file.city_counties.values():
        if city.key not in communes:
            file.refuse(city.line, "teryt", city.key, "import_city_alone")
    for unit in file.units:
        name = names.get(unit.key[:2])
        if name is None:
            file.refuse(unit.line, "teryt", unit.key, "import_no_voivodeship", prefix=unit.key[:2])
        elif unit.voivodeship != name:
            file.refuse(
                unit.line, "voivodeship", unit.voivodeship, "import_voivodeship", prefix=unit.key[:2], name=name
            )
        else:
            yield unit


def _write_voivodeships(file: UnitsFile) -> None:
    for code, unit in file.voivodeships.items():
        db.session.merge(Voivodeship(code=code, name=unit.name))
    db.session.flush()


def _compare(
    file: UnitsFile, good: list[Unit], names: dict[str, str], known: dict[str | None, Member]
) -> tuple[list[Member], list[Member]]:
    """The members to make, and those whose values the register has otherwise (already set on them)."""
    homonyms = Homonyms([*good, *_others(good, known)])
    taken = set(db.session.scalars(select(Member.slug)))
    new: list[Member] = []
    changed: list[Member] = []
    for unit in good:
        had_rights = unit.key in known and known[unit.key].county_rights
        values = {
            "name": homonyms.title(unit),
            "official_kind": unit.kind,
            "county": unit.county,
            "county_rights": had_rights or unit.key[:4] in file.city_counties,
            "voivodeship_code": unit.key[:2],
        }
        if unit.key in known:
            changed += _change(known[unit.key], values)
        else:
            slug = homonyms.slug(unit, voivodeship=names[unit.key[:2]], teryt=unit.key, taken=taken)
            taken.add(slug)
            kind = "county" if unit.kind == COUNTY else "municipality"
            new.append(Member(id=new_id(), teryt=unit.key, slug=slug, kind=kind, **values))
    return new, changed


def _others(good: list[Unit], known: dict[str | None, Member]) -> Iterable[Unit]:
    """The known units that the file does not hold: their names count too when homonyms are looked for."""
    held = {unit.key for unit in good}
    for teryt, member in known.items():
        if teryt and teryt not in held and member.official_kind:
            yield Unit(
                line=0,
                key=teryt,
                name=register_name(member.name),
                kind=member.official_kind,
                county=member.county,
                voivodeship="",
            )


def _change(member: Member, values: dict[str, object]) -> list[Member]:
    differing = {name: value for name, value in values.items() if getattr(member, name) != value}
    for name, value in differing.items():
        setattr(member, name, value)
    return [member] if differing else []


def _write(actor: Actor, new: list[Member], changed: list[Member]) -> None:
    if new:
        db.session.execute(insert(Member), [complete_row(member) for member in new])
        note_change(db.session.connection())
    db.session.flush()
    record_many(actor, (_event("create", member) for member in new))
    record_many(actor, (_event("update", member) for member in changed))


def _event(action: str, member: Member) -> dict[str, str | uuid.UUID]:
    return {
        "tag": f"members:member:{action}",
        "kind": "member",
        "resource_id": member.id,
        "name": member.name,
        "member_id": member.id,
    }
