"""What pages of contracts share: what one contract grants, and what is left without it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date

from panel.contracts.entitlements import entitlements, item_in_force
from panel.contracts.models import ENTITLEMENT_KINDS, Contract
from panel.kernel.access import Actor


@dataclass(frozen=True, kw_only=True)
class Without:
    """One kind of entitlement with and without a contract. ``over``: more is used than would be granted."""

    kind: str
    granted: int
    left: int
    used: int

    @property
    def over(self) -> bool:
        """Whether more is in use than would still be granted."""
        return self.used > self.left


def grants_of(contract: Contract, on: date) -> list[tuple[str, int]]:
    """What the items of ``contract`` in force on ``on`` grant, kind by kind."""
    totals: Counter[str] = Counter()
    for item in contract.items:
        if item_in_force(contract, item, on):
            totals.update(
                {
                    kind: amount * item.quantity
                    for kind, amount in item.service.entitlements.items()
                    if isinstance(amount, int)
                }
            )
    return [(kind, totals[kind]) for kind in ENTITLEMENT_KINDS if totals[kind]]


def changes_without(actor: Actor, contract: Contract) -> list[Without]:
    """What the member would have left if ``contract`` granted nothing from now on."""
    return [
        Without(kind=item.kind, granted=item.granted, used=item.used,
                left=item.granted - sum(source.amount for source in item.sources if source.contract_id == contract.id))
        for item in entitlements(actor, contract.member_id)
        if any(source.contract_id == contract.id for source in item.sources)
    ]  # fmt: skip
