"""Second factors of people who lost them, taken away by whoever looks after these people."""

from __future__ import annotations

import uuid

from panel.identity.factors import remove_all_factors
from panel.identity.models import User
from panel.identity.people import person_for_change, require_not_above
from panel.kernel.access import Actor, require
from panel.kernel.db import unit_of_work
from panel.kernel.errors import NotAllowed
from panel.kernel.text import one_line

REASON_MIN, REASON_MAX = 10, 500


def remove_lost_factors(actor: Actor, user_id: uuid.UUID, *, reason: str) -> User:
    """Take all second factors of a person away; the person reads the ``reason`` and sets up new ones after signing in.

    Raises NotFound, NotAllowed (no fresh factor of one's own, oneself, or somebody who holds more), Invalid ``reason``.
    """
    require(actor, "users:write")
    if not actor.fresh:
        raise NotAllowed("fresh_factor_needed", permission="users:write")
    reason = one_line("reason", reason, least=REASON_MIN, most=REASON_MAX)
    with unit_of_work():
        user = person_for_change(actor, user_id)
        require_not_above(actor, user)
        if user.id == actor.user_id:
            raise NotAllowed("own_rights", permission="users:write")
        remove_all_factors(actor, user, reason=reason)
    return user
