"""Whose a name in the shared domain may be, which names wait for those who had them, and which look alike.

All members share one domain, and all mail from it looks equally genuine: a name must tell whose it is. A member has its
short name (slug), what stands before or after it with a dot, and nothing else; the rest is the association's to give.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar

from flask import current_app
from sqlalchemy import func, select

from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.kernel.errors import Conflict, Invalid, PanelError
from panel.kernel.text import likeness, one_line
from panel.ledger import names
from panel.ledger.names import Name
from panel.mail.models import ADDRESSES, Alias, Mailbox
from panel.members.models import SLUGS, Member

T = TypeVar("T")
AT_ONCE = 500
REASON_MOST = 200

Asked = tuple[uuid.UUID, str]
"""A member and the address asked for it."""


def check_names(actor: Actor, asked: Sequence[Asked]) -> None:
    """Go on only if each address is one that its member may have in the shared domain, or that ``actor`` may give.

    Raises Conflict ``reserved`` for another member's short name, which nobody can give; Invalid ``address_not_own``,
    telling the short name, for what needs a provisioner: also what has the short names of two members in it.
    """
    for fault in name_faults(actor, asked).values():
        raise fault


def name_faults(actor: Actor, asked: Sequence[Asked]) -> dict[int, PanelError]:
    """What ``check_names`` would raise for each row at fault, were it alone."""
    shared = _shared()
    locals_ = {row: address[: -len(shared)] for row, (_, address) in enumerate(asked) if address.endswith(shared)}
    holders = _slug_holders({label for local in locals_.values() for label in _ends(local)})
    slugs = _slugs_of({asked[row][0] for row in locals_})
    faults: dict[int, PanelError] = {}
    for row, local in locals_.items():
        member_id = asked[row][0]
        others = {label for label in _ends(local) if holders.get(label, member_id) != member_id}
        if local in others:
            faults[row] = Conflict("reserved", field="address", name=local, row=row)
            continue
        own = _is_own(local, slugs.get(member_id, "")) and not others
        if not own and not actor.may("names:grant", member_id):
            slug = slugs.get(member_id, "")
            faults[row] = Invalid("address_not_own", field="address", name=local, slug=slug, row=row)
    return faults


def require_unreleased(actor: Actor, asked: Sequence[Asked], *, reasons: Sequence[str]) -> None:
    """Go on only if no address was another member's within the last years; call it once they are claimed.

    Whoever may give any name may give these too, with a reason. Raises Conflict ``released``.
    """
    for fault in release_faults(actor, asked, reasons=reasons).values():
        raise fault


def release_faults(actor: Actor, asked: Sequence[Asked], *, reasons: Sequence[str]) -> dict[int, PanelError]:
    """What ``require_unreleased`` would raise for each row at fault, were it alone."""
    former = names.released(ADDRESSES, [address for _, address in asked])
    locals_ = {address: address.partition("@")[0] for _, address in asked if address.endswith(_shared())}
    slugs = names.released(SLUGS, list(locals_.values()))
    faults: dict[int, PanelError] = {}
    for row, (member_id, address) in enumerate(asked):
        had = former.get(address) or slugs.get(locals_.get(address, ""))
        if had is None or had == member_id:
            continue
        if not (reasons[row] and actor.may("names:grant", member_id)):
            faults[row] = Conflict("released", field="address", name=address, years=names.RELEASED_YEARS, row=row)
    return faults


def checked_reason(reason: str) -> str:
    """A reason as it is kept. Raises Invalid."""
    return one_line("reason", reason, most=REASON_MOST)


def like_others(asked: Sequence[Asked]) -> set[str]:
    """Those of the addresses that are almost the same as one of another member: but for dots, hyphens, 0/o, 1/l, rn/m.

    Which one is not told: it is another's.
    """
    likes = [likeness(address) for _, address in asked]
    alike: dict[str, set[Asked]] = {}
    for like, one in zip(likes, asked, strict=True):
        alike.setdefault(like, set()).add(one)
    for like, held in _held_alike(alike):
        alike[like].add(held)
    return {
        address
        for like, (member_id, address) in zip(likes, asked, strict=True)
        if any(holder != member_id and name != address for holder, name in alike[like])
    }


def _held_alike(likes: Collection[str]) -> Iterable[tuple[str, Asked]]:
    query = (
        select(func.coalesce(Mailbox.member_id, Alias.member_id).label("member_id"), Name.name, Name.likeness)
        .outerjoin(Mailbox, Mailbox.id == Name.holder_id)
        .outerjoin(Alias, Alias.id == Name.holder_id)
        .where(Name.space == ADDRESSES)
    )
    for some in _chunks(likes):
        rows = db.session.execute(query.where(Name.likeness.in_(some)))
        yield from ((row.likeness, (row.member_id, row.name)) for row in rows if row.member_id)


def _slug_holders(labels: Collection[str]) -> dict[str, uuid.UUID]:
    """Whose short names these are now, or were within the last years."""
    found = names.released(SLUGS, list(labels))
    for some in _chunks(labels):
        rows = db.session.execute(select(Member.slug, Member.id).where(Member.slug.in_(some)))
        found |= {row.slug: row.id for row in rows}
    return found


def _slugs_of(member_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    found: dict[uuid.UUID, str] = {}
    for some in _chunks(member_ids):
        rows = db.session.execute(select(Member.id, Member.slug).where(Member.id.in_(some)))
        found |= {row.id: row.slug for row in rows}
    return found


def _ends(local: str) -> set[str]:
    first, _, rest = local.partition(".")
    return {first, rest.rpartition(".")[2] or first}


def _is_own(local: str, slug: str) -> bool:
    return bool(slug) and (local == slug or local.startswith(f"{slug}.") or local.endswith(f".{slug}"))


def _shared() -> str:
    return f"@{current_app.config['CIS'].mail_domain}"


def _chunks(values: Collection[T]) -> Iterable[list[T]]:
    every = list(values)
    return (every[start : start + AT_ONCE] for start in range(0, len(every), AT_ONCE))
