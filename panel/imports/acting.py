"""Who carries an import out: whoever committed it, with the rights they have by now."""

from __future__ import annotations

import uuid

from panel.identity.actions import actor_by_token, actor_for_user
from panel.identity.models import ApiToken, User
from panel.imports.models import Import
from panel.kernel.access import PERMISSIONS, Actor, Reach
from panel.kernel.db import db


def actor_of(one: Import) -> Actor | None:
    """The actor as of now; None where the person is let in no more, or the token has ended."""
    source, _, name = (one.committed_by or one.actor).partition(":")
    if source == "user":
        user = db.session.get(User, uuid.UUID(name), populate_existing=True)
        return actor_for_user(user) if user is not None and user.active else None
    if source == "token":
        token = db.session.get(ApiToken, uuid.UUID(name), populate_existing=True)
        return None if token is None else actor_by_token(token)
    if source == "cli":
        # Whoever may open the database's file may do everything (``cli/session.py``).
        return Actor(ref=f"cli:{name}", name=name, grants=(Reach(permissions=PERMISSIONS, member_ids=None),))
    return None
