"""What a member's contracts grant on a day, and whether that is enough for what somebody asks."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import selectinload

from panel.contracts.models import ENTITLEMENT_KINDS, Contract, ContractItem
from panel.contracts.standing import require_not_held
from panel.kernel.access import Actor, require
from panel.kernel.db import database_now, db
from panel.kernel.errors import OverLimit
from panel.ledger import usage
from panel.members.actions import require_members
from panel.members.models import Member

MEMBERSHIP = {"mailboxes": 1, "mailbox_mb": 1024}
"""What comes with membership itself: the statutory address."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """One thing that grants: a contract's item, or membership (``contract_id`` None)."""

    contract_id: uuid.UUID | None
    contract_number: str
    service_code: str
    quantity: int
    amount: int


@dataclass(frozen=True, kw_only=True)
class Entitlement:
    """``granted`` and ``used`` amount of one kind, with what grants it."""

    member_id: uuid.UUID
    kind: str
    granted: int
    used: int
    sources: list[Source] = field(default_factory=list)


def today() -> date:
    """The day on which grants are judged, in UTC."""
    return datetime.now(UTC).date()


def database_today() -> date:
    """The day by the database's clock, in UTC: the same for all hosts whose workers compare days."""
    return db.session.scalars(select(database_now())).one().date()


def entitlements(actor: Actor, member_id: uuid.UUID, *, on: date | None = None) -> list[Entitlement]:
    """Everything granted to a member on a day, kinds without a grant left out unless something is used."""
    require(actor, "entitlements:read", member_id)
    require_members([member_id])
    sources = _sources(member_id, on or today())
    in_use = usage.used(member_id)
    return [
        Entitlement(
            member_id=member_id,
            kind=kind,
            granted=sum(source.amount for source in sources.get(kind, [])),
            used=in_use.get(kind, 0),
            sources=sources.get(kind, []),
        )
        for kind in ENTITLEMENT_KINDS
        if kind in sources or in_use.get(kind)
    ]


def require_granted(
    member_id: uuid.UUID, wanted: Mapping[str, int], *, fields: Mapping[str, str], whatever_held: bool = False
) -> None:
    """Go on only if the member's contracts grant ``wanted`` (kind → amount) beyond what is used.

    Nobody else uses the member's room up before the running unit of work ends; take members in the order of their ids.
    ``fields`` names the input at fault per kind. Raises OverLimit ``over_limit``; Conflict ``member_held`` with reason
    and contact where the member's services are held back, unless ``whatever_held``: what comes with membership.
    """
    db.session.execute(select(Member.id).where(Member.id == member_id).with_for_update(key_share=True))
    if not whatever_held and any(amount > 0 for amount in wanted.values()):
        require_not_held(member_id)
    sources, in_use = _sources(member_id, today()), usage.used(member_id)
    for kind, amount in wanted.items():
        granted = sum(source.amount for source in sources.get(kind, []))
        if amount > 0 and in_use.get(kind, 0) + amount > granted:
            raise OverLimit(
                "over_limit",
                field=fields.get(kind),
                kind=kind,
                granted=granted,
                used=in_use.get(kind, 0),
                wanted=amount,
            )


def _sources(member_id: uuid.UUID, on: date) -> dict[str, list[Source]]:
    sources = {
        kind: [Source(contract_id=None, contract_number="", service_code="", quantity=1, amount=amount)]
        for kind, amount in MEMBERSHIP.items()
    }
    for contract in _in_force(member_id, on):
        for item in contract.items:
            if item_in_force(contract, item, on):
                _add_item(sources, contract, item)
    return sources


def _in_force(member_id: uuid.UUID, on: date) -> list[Contract]:
    query = (
        select(Contract)
        .where(Contract.member_id == member_id, Contract.starts_on <= on, Contract.suspended.is_(None))
        .where(
            or_(Contract.ends_on.is_(None), Contract.ends_on >= on),
            or_(Contract.ended_on.is_(None), Contract.ended_on >= on),
        )
        .options(selectinload(Contract.items))
    )
    return list(db.session.scalars(query))


def item_in_force(contract: Contract, item: ContractItem, on: date) -> bool:
    """Whether ``item`` holds on ``on``, its own dates within its contract's."""
    starts = item.starts_on or contract.starts_on
    return starts <= on and (item.ends_on is None or on <= item.ends_on)


def _add_item(sources: dict[str, list[Source]], contract: Contract, item: ContractItem) -> None:
    for kind, per_unit in item.service.entitlements.items():
        if isinstance(per_unit, int) and per_unit:
            sources.setdefault(kind, []).append(
                Source(
                    contract_id=contract.id,
                    contract_number=contract.number,
                    service_code=item.service_code,
                    quantity=item.quantity,
                    amount=per_unit * item.quantity,
                )
            )


def totals(items: list[Entitlement]) -> Counter[str]:
    """Granted amounts by kind."""
    return Counter({item.kind: item.granted for item in items})
