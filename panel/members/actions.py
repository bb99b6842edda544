"""What can be done with members."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, func, select
from stdnum.exceptions import ValidationError
from stdnum.pl import nip as nip_number
from stdnum.pl import regon as regon_number

from panel.kernel.access import Actor, require, scoped
from panel.kernel.db import db, one_at_a_time, read_row, unit_of_work
from panel.kernel.errors import Conflict, Invalid, NotFound
from panel.kernel.text import fold, has_control, slugify
from panel.ledger import names
from panel.ledger.events import record
from panel.members.models import MEMBER_KINDS, SLUGS, Member
from panel.members.tree import reach_of

EDITABLE = (
    "name",
    "kind",
    "teryt",
    "nip",
    "regon",
    "rspo",
    "slug",
    "parent_id",
    "e_delivery_address",
    "address",
    "contacts",
)
SLUG_MAX = 50
_UNIQUE = ("teryt", "nip", "regon", "rspo", "slug")


def members_query(
    actor: Actor, *, search: str = "", kind: str | None = None, parent_id: uuid.UUID | None = None
) -> Select[Member]:
    """The members in scope; ``search`` covers name, slug, TERYT, NIP, REGON and RSPO, Polish letters folded."""
    query = scoped(actor, "members:read", select(Member), Member.id)
    for word in fold(search).split():
        query = query.where(Member.folded.contains(word, autoescape=True))
    if kind is not None:
        query = query.where(Member.kind == kind)
    return query if parent_id is None else query.where(Member.parent_id == parent_id)


def get_member(actor: Actor, member_id: uuid.UUID, *, for_change: bool = False) -> Member:
    """One member. Raises NotFound where it is absent or out of reach."""
    require(actor, "members:read", member_id)
    if for_change:
        one_at_a_time("members")
    member = read_row(Member, member_id, for_change=True) if for_change else db.session.get(Member, member_id)
    if member is None:
        raise NotFound("not_found")
    return member


def require_members(member_ids: Collection[uuid.UUID]) -> None:
    """Go on only if all these members exist. Raises NotFound, as for one that is out of reach."""
    found = db.session.scalar(select(func.count()).select_from(Member).where(Member.id.in_(member_ids)))
    if found != len(set(member_ids)):
        raise NotFound("not_found")


def create_member(actor: Actor, **values: Any) -> Member:
    """Take a new member in. Without ``slug`` one is made from the name.

    Raises Invalid naming each bad field, Conflict ``taken`` naming the field whose value another member has.
    """
    require(actor, "members:write", staff=True)
    values = checked_values(with_slug(values))
    with unit_of_work():
        one_at_a_time("members")
        _require_free(values, but=None)
        member = Member(**values)
        db.session.add(member)
        db.session.flush()
        record(
            actor, "members:member:create", kind="member", resource_id=member.id, name=member.name, member_id=member.id
        )
    return member


def update_member(actor: Actor, member_id: uuid.UUID, *, version: int | None = None, **values: Any) -> Member:
    """Change a member. Raises Conflict ``stale`` where ``version`` is given and somebody changed it meanwhile."""
    require(actor, "members:write", staff=True)
    with unit_of_work():
        member = get_member(actor, member_id, for_change=True)
        if version is not None and version != member.version:
            raise Conflict("stale")
        kept = {name: getattr(member, name) for name in EDITABLE}
        values = checked_values(kept | values)
        _require_no_ring(member_id, values["parent_id"])
        _require_free(values, but=member_id)
        changed = {name: value for name, value in values.items() if value != kept.get(name)}
        if "slug" in changed:
            names.note_release(SLUGS, kept["slug"], member_id=member_id)
        for name, value in changed.items():
            setattr(member, name, value)
        if changed:
            record(
                actor,
                "members:member:update",
                kind="member",
                resource_id=member.id,
                name=member.name,
                member_id=member.id,
                fields=sorted(changed),
            )
    return member


def with_slug(values: dict[str, Any]) -> dict[str, Any]:
    """What is given of a new member, with a short name made from its name where none is given."""
    values = {"name": None, "kind": None} | values
    if "slug" not in values:
        values["slug"] = slugify(str(values["name"] or ""))[:SLUG_MAX].strip("-") or "podmiot"
    return values


def checked_values(values: dict[str, Any]) -> dict[str, Any]:
    """Values of a member as they are kept, whoever else may have them. Raises Invalid naming each bad field."""
    errors = [Invalid("unknown_field", field=name) for name in values if name not in EDITABLE]
    clean: dict[str, Any] = {}
    for name, value in values.items():
        try:
            clean[name] = _CHECKS.get(name, _text)(name, value)
        except Invalid as error:
            errors.append(error)
    if errors:
        raise Invalid(errors[0].code, field=errors[0].field, errors=errors)
    return clean


def _text(field: str, value: Any) -> str:
    value = "" if value is None else value
    if not isinstance(value, str) or has_control(value):
        raise Invalid("text_bad", field=field)
    if len(value) > 200:
        raise Invalid("text_long", field=field, most=200)
    return value.strip()


def _name(field: str, value: Any) -> str:
    text = _text(field, value)
    if not text:
        raise Invalid("required", field=field)
    return text


def _kind(field: str, value: Any) -> str:
    if value not in MEMBER_KINDS:
        raise Invalid("choice", field=field, choices=", ".join(MEMBER_KINDS))
    return str(value)


def _slug(field: str, value: Any) -> str:
    text = _name(field, value)
    if slugify(text) != text or len(text) > SLUG_MAX:
        raise Invalid("slug_bad", field=field, suggestion=slugify(text)[:SLUG_MAX])
    return text


def _number(field: str, value: Any) -> str | None:
    text = _text(field, value).replace("-", "").replace(" ", "")
    if not text:
        return None
    try:
        return str({"nip": nip_number, "regon": regon_number}[field].validate(text))
    except ValidationError:
        raise Invalid("number_bad", field=field) from None


def _digits(field: str, value: Any) -> str | None:
    text = _text(field, value)
    allowed = {"teryt": (4, 6), "rspo": (1, 2, 3, 4, 5, 6, 7)}[field]
    if text and not (text.isascii() and text.isdigit() and len(text) in allowed):
        raise Invalid("digits_bad", field=field)
    return text or None


def _parent(field: str, value: Any) -> uuid.UUID | None:
    if value is not None and db.session.get(Member, value) is None:
        raise Invalid("unknown_member", field=field)
    return value  # type: ignore[no-any-return]  # a UUID, looked up above


def _require_no_ring(member_id: uuid.UUID, parent_id: uuid.UUID | None) -> None:
    """Nothing lies below itself; ``one_at_a_time`` keeps two moves from closing a ring together."""
    if parent_id is not None and parent_id in reach_of([member_id]):
        raise Invalid("parent_below", field="parent_id")


def _contacts(field: str, value: Any) -> list[dict[str, str]]:
    if not isinstance(value, list) or len(value) > 50 or not all(isinstance(row, dict) for row in value):
        raise Invalid("contacts_bad", field=field)
    return [{_text(field, key): _text(field, text) for key, text in row.items()} for row in value]


_CHECKS = {
    "name": _name,
    "kind": _kind,
    "slug": _slug,
    "nip": _number,
    "regon": _number,
    "teryt": _digits,
    "rspo": _digits,
    "parent_id": _parent,
    "contacts": _contacts,
}


def _require_free(values: dict[str, Any], *, but: uuid.UUID | None) -> None:
    for name in _UNIQUE:
        value = values.get(name)
        if value is None:
            continue
        holder = db.session.scalar(select(Member.id).where(getattr(Member, name) == value))
        if holder is not None and holder != but:
            raise Conflict("taken", field=name, name=value)
    slug = str(values.get("slug"))
    if names.released(SLUGS, [slug]).get(slug, but) != but:
        raise Conflict("released", field="slug", name=slug, years=names.RELEASED_YEARS)
