"""Who must have a second factor: one table, by role."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from flask import current_app

from panel.identity.models import Grant, User
from panel.kernel.access import ROLES
from panel.kernel.db import utcnow

Rule = Literal["must", "grace", "may"]

RULES: Mapping[str, Rule] = {
    "association_admin": "must",
    "provisioner": "must",
    "support": "must",
    "auditor": "must",
    "member_admin": "grace",
    "member_editor": "may",
    "school_coordinator": "may",
}
"""What each role asks of its holder: a second factor before anything else, after a grace, or none.

Any role on the whole association must; ``CIS_SECOND_FACTOR_ROLES`` names further ones. A role that is not here must:
unknown means the stricter.
"""

_ORDER: tuple[Rule, ...] = ("may", "grace", "must")


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What is asked of a user without a second factor: nothing, one by ``until``, or one before anything else."""

    rule: Rule
    until: datetime | None = None

    @property
    def is_due(self) -> bool:
        """Whether nothing else may be done before one is set up."""
        return self.rule == "must" or (self.rule == "grace" and self.until is not None and self.until <= utcnow())


def demand_on(user: User) -> Demand:
    """What the roles of ``user`` ask; the strictest counts."""
    rule = _strictest(_rule_of(grant) for grant in user.grants)
    return Demand(rule=rule, until=user.factor_due_at if rule == "grace" else None)


def begin_grace(user: User) -> None:
    """Set until when ``user`` may wait, at the first sign-in at which a role asks for a second factor."""
    if user.factor_due_at is None and demand_on(user).rule == "grace":
        user.factor_due_at = utcnow() + timedelta(days=current_app.config["CIS"].second_factor_grace_days)


def rule_of_role(role: str) -> Rule:
    """What ``role`` on a member asks here, with what this installation tightened."""
    tightened = {name.strip() for name in current_app.config["CIS"].second_factor_roles.split(",")}
    return "must" if role in tightened or role not in ROLES else RULES.get(role, "must")


def _rule_of(grant: Grant) -> Rule:
    return "must" if grant.member_id is None else rule_of_role(grant.role.name)


def _strictest(rules: Iterable[Rule]) -> Rule:
    return max(rules, key=_ORDER.index, default="may")
